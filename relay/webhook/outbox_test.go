package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"buildrelay/protocol"
)

// outbox is one that only this test has.
type outbox struct {
	t testing.TB

	mu       sync.Mutex
	next     int
	coming   []protocol.Occurrence // not taken
	kept     map[string]protocol.Occurrence
	lost     []int
	back     map[string]bool // taken back
	asked    []string        // by Standing
	done     []string
	polls    int
	releases int
	// broken are the calls that fail, by name.
	broken map[string]bool
	count  int // is told as Count
	// again says that the next poll takes once more all that is not done.
	again bool
}

func newOutbox(t testing.TB) *outbox {
	return &outbox{
		t: t, kept: make(map[string]protocol.Occurrence), back: make(map[string]bool), broken: make(map[string]bool),
	}
}

// put notes what became of a channel of app 1, where none is given, in a partition that the channel decides, and
// returns its id.
func (o *outbox) put(occurrences ...protocol.Occurrence) (ids []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, oc := range occurrences {
		o.next++
		if oc.App == "" {
			oc.App = "1"
		}
		oc.Partition = len(oc.Channel) % 7
		oc.ID = fmt.Sprintf("1700000000000-%d", o.next)
		if oc.Kind == "" {
			oc.Kind = protocol.HookOccupied
		}
		if oc.Due.IsZero() {
			oc.Due = time.Now()
		}
		if oc.Time.IsZero() {
			oc.Time = oc.Due
		}
		o.coming = append(o.coming, oc)
		o.kept[name(oc)] = oc
		ids = append(ids, name(oc))
	}
	return ids
}

func name(o protocol.Occurrence) string { return fmt.Sprintf("%d-%s", o.Partition, o.ID) }

func (o *outbox) Poll(context.Context) (taken []protocol.Occurrence, lost []int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.polls++
	lost, o.lost = o.lost, nil
	if o.broken["Poll"] {
		return nil, lost, errors.New("away")
	}
	if o.again {
		o.again, o.coming = false, slices.Collect(maps.Values(o.kept))
	}
	n := min(len(o.coming), 300)
	taken, o.coming = o.coming[:n:n], o.coming[n:]
	return taken, lost, nil
}

func (o *outbox) Standing(_ context.Context, due []protocol.Occurrence) (standing []protocol.Occurrence, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken["Standing"] {
		return nil, errors.New("away")
	}
	for _, oc := range due {
		if oc.Due.After(time.Now()) {
			o.t.Errorf("%s is asked for, and not due", name(oc))
		}
		o.asked = append(o.asked, name(oc))
		if !o.back[name(oc)] {
			oc.Count = o.count
			standing = append(standing, oc)
		} else {
			delete(o.kept, name(oc))
		}
	}
	return standing, nil
}

func (o *outbox) Done(_ context.Context, done []protocol.Occurrence) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken["Done"] {
		return errors.New("away")
	}
	for _, oc := range done {
		o.done = append(o.done, name(oc))
		delete(o.kept, name(oc))
	}
	return nil
}

func (o *outbox) Release(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.releases++
	return nil
}

// set changes how the outbox behaves.
func (o *outbox) set(change func(*outbox)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *outbox) isDone(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Contains(o.done, id)
}

// left is how many occurrences are not done.
func (o *outbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.kept)
}
