package relay

import (
	"maps"
	"slices"
	"sync"
)

// waitlist is channels that somebody has to look at.
type waitlist struct {
	wake chan struct{} // holds one signal, sent after a channel was added

	mu       sync.Mutex
	channels map[*channel]struct{}
}

func newWaitlist() *waitlist {
	return &waitlist{wake: make(chan struct{}, 1), channels: make(map[*channel]struct{})}
}

// add never blocks.
func (l *waitlist) add(channels ...*channel) {
	l.mu.Lock()
	for _, ch := range channels {
		l.channels[ch] = struct{}{}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *waitlist) take() []*channel {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := slices.Collect(maps.Keys(l.channels))
	clear(l.channels)
	return taken
}
