package relay

import (
	"maps"
	"slices"
	"sync"
)

// waitlist is what somebody has to see to, each once: channels, say.
type waitlist[T comparable] struct {
	wake chan struct{} // holds one signal, sent after something was added

	mu      sync.Mutex
	waiting map[T]struct{}
}

func newWaitlist[T comparable]() *waitlist[T] {
	return &waitlist[T]{wake: make(chan struct{}, 1), waiting: make(map[T]struct{})}
}

// add never blocks.
func (l *waitlist[T]) add(all ...T) {
	if len(all) == 0 {
		return
	}
	l.mu.Lock()
	for _, one := range all {
		l.waiting[one] = struct{}{}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// take returns what waits, in no order.
func (l *waitlist[T]) take() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := slices.Collect(maps.Keys(l.waiting))
	clear(l.waiting)
	return taken
}
