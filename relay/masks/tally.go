package masks

import (
	"sync"
	"time"

	"buildrelay/relay/mask"
)

const (
	// often is how often it is told that something was masked on a channel.
	often = time.Minute
	// mostTold is of how many channels and places it is remembered that they were told.
	mostTold = 10_000
)

// tally is what was masked, and waits to be told. It is safe for concurrent use.
type tally struct {
	told func(Hits)
	now  func() time.Time

	mu sync.Mutex
	by map[spot]*waiting
}

// spot is where something was masked.
type spot struct {
	app, channel string
	place        Place
}

// waiting is what was masked since it was told.
type waiting struct {
	since  time.Time // when it was told
	counts mask.Counts
	notice bool
}

func newTally(told func(Hits), now func() time.Time) *tally {
	if told == nil {
		told = func(Hits) {}
	}
	return &tally{told: told, now: now, by: make(map[spot]*waiting)}
}

// count counts what was masked in the events of a channel.
func (m *Masks) count(appID, channel string, place Place, counts mask.Counts, notice bool) {
	if counts == (mask.Counts{}) {
		return
	}
	for k, n := range counts {
		if n > 0 {
			m.config.Metrics.Masked.WithLabelValues(appID, mask.Kind(k).String(), string(place)).Add(float64(n))
		}
	}
	m.tally.add(spot{appID, channel, place}, counts, notice)
}

// add counts, and tells where nothing was told for a minute.
func (t *tally) add(at spot, counts mask.Counts, notice bool) {
	if h, ok := t.note(at, counts, notice); ok {
		t.told(h)
	}
}

func (t *tally) note(at spot, counts mask.Counts, notice bool) (h Hits, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.by[at]
	if w == nil && len(t.by) == mostTold {
		return Hits{}, false // the metrics have it
	}
	if w == nil {
		w = &waiting{}
		t.by[at] = w
	}
	w.counts.Add(counts)
	w.notice = notice
	now := t.now()
	if now.Before(w.since.Add(often)) {
		return Hits{}, false
	}
	return w.take(at, now), true
}

// due returns what has waited long enough, and forgets where nothing was masked for a minute.
func (t *tally) due() (all []Hits) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for at, w := range t.by {
		switch {
		case now.Before(w.since.Add(often)):
		case w.counts == mask.Counts{}:
			delete(t.by, at)
		default:
			all = append(all, w.take(at, now))
		}
	}
	return all
}

// take is what is told now.
func (w *waiting) take(at spot, now time.Time) Hits {
	h := Hits{App: at.app, Channel: at.channel, Place: at.place, Count: make(map[mask.Kind]int64), Notice: w.notice}
	for k, n := range w.counts {
		if n > 0 {
			h.Count[mask.Kind(k)] = int64(n)
		}
	}
	w.since, w.counts = now, mask.Counts{}
	return h
}
