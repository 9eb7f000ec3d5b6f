package masks

import (
	"errors"
	"sync"
	"time"

	"buildrelay/relay/mask"
)

// DefaultMemory is how many bytes compiled values take, unless [Config] says otherwise: those of
// about a thousand builds with twenty secrets each.
const DefaultMemory = 128 << 20

// retry is how long values that cannot be read are left alone.
const retry = 10 * time.Second

// sets are the compiled values of registrations, as many as there is memory for. It is safe for
// concurrent use.
type sets struct {
	mu         sync.Mutex
	by         *recent[*registration, *mask.Set]
	unreadable map[*registration]bool
	warned     map[string]bool // of apps
}

func newSets(memory int) *sets {
	return &sets{
		by:         newRecent[*registration, *mask.Set](memory),
		unreadable: make(map[*registration]bool),
		warned:     make(map[string]bool),
	}
}

// set returns the compiled values of a registration, nil where there is none or nobody can read
// them. Whoever needs them first opens and compiles them, and others wait.
func (m *Masks) set(r *registration) *mask.Set {
	if r == nil {
		return nil
	}
	if set, ok := m.sets.get(r); ok {
		return set
	}
	r.opening.Lock()
	defer r.opening.Unlock()
	if set, ok := m.sets.get(r); ok {
		return set
	}
	now := m.config.Now()
	if failed := r.failed.Load(); failed > now.Add(-retry).UnixNano() {
		return nil
	}
	set, err := m.compile(r)
	m.readable(r, err)
	if set == nil {
		r.failed.Store(now.UnixNano())
		return nil
	}
	m.sets.put(r, set)
	if !m.registered.has(r) { // it was over meanwhile
		m.forget([]*registration{r})
	}
	m.config.Metrics.MasksCompiled.Inc()
	return set
}

// compile opens and compiles a registration: as many of its values as it may have, with an error
// where these are not all. The set is nil where it cannot be opened.
func (m *Masks) compile(r *registration) (*mask.Set, error) {
	if m.config.Open == nil {
		return nil, errors.New("there is nothing to open them with")
	}
	values, err := m.config.Open(r.App, r.Channel, r.Sealed)
	if err != nil {
		return nil, err
	}
	values, err = fitting(values, MaxBytes)
	set, fit := mask.NewSetWithin(values, MaxMemory)
	if err == nil && fit < len(values) {
		err = tooCostly(fit, len(values))
	}
	return set, err
}

// readable notes whether values could be read, which is warned of once an app.
func (m *Masks) readable(r *registration, err error) {
	s := m.sets
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.unreadable, r)
	} else if m.registered.has(r) {
		s.unreadable[r] = true
	}
	m.config.Metrics.MasksUnreadable.Set(float64(len(s.unreadable)))
	if err != nil && !s.warned[r.App] {
		s.warned[r.App] = true
		m.config.Log.Error("values that are registered to be masked cannot be read: they are shown", "app", r.App, "channel", r.Channel, "error", err)
	}
}

// forget lets go of registrations that are over.
func (m *Masks) forget(over []*registration) {
	if len(over) == 0 {
		return
	}
	s := m.sets
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range over {
		s.by.drop(r)
		delete(s.unreadable, r)
	}
	m.config.Metrics.MasksUnreadable.Set(float64(len(s.unreadable)))
}

func (s *sets) get(r *registration) (*mask.Set, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by.get(r)
}

func (s *sets) put(r *registration, set *mask.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by.put(r, set, set.Size())
}
