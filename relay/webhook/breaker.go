package webhook

import "time"

const (
	// breaksAfter is of how many letters, one after the other, a target takes none before
	// it gets one at a time. It is not one letter that fails often: that may be its fault.
	breaksAfter = 5
	// longestRest is the longest pause between those.
	longestRest = 5 * time.Second
)

// breaker keeps a target that takes nothing from getting much.
type breaker struct {
	failed map[*letter]bool // since one was taken
	tries  int              // since it broke
	until  time.Time        // it rests
}

func (b *breaker) broken() bool { return len(b.failed) >= breaksAfter }

// most is how many requests there may be at once.
func (b *breaker) most() int {
	if b.broken() {
		return 1
	}
	return mostRequests
}

// fail notes that a letter was not taken.
func (b *breaker) fail(l *letter, now time.Time, forbidden bool) {
	if !b.broken() {
		if b.failed == nil {
			b.failed = make(map[*letter]bool)
		}
		b.failed[l] = true
	}
	if !b.broken() || now.Before(b.until) { // what was under way says nothing new
		return
	}
	b.tries++
	rest := min(pauseAfter(b.tries), longestRest)
	if forbidden {
		rest = longestPause
	}
	b.until = now.Add(rest)
}

func (b *breaker) succeed() { *b = breaker{} }
