package chaos

import (
	"slices"
	"sync"
	"time"

	"buildrelay/relay/relaytest/checker"
)

// lag measures how late the test's own process is: what it waits for comes no sooner, and
// that is none of the relay's doing.
type lag struct {
	stop    chan struct{}
	running sync.WaitGroup
	times   checker.Times
}

func startLag() *lag {
	l := &lag{stop: make(chan struct{})}
	l.running.Go(l.run)
	return l
}

func (l *lag) run() {
	const every = 20 * time.Millisecond
	for {
		asked := time.Now()
		select {
		case <-l.stop:
			return
		case <-time.After(every):
			l.times = append(l.times, time.Since(asked)-every)
		}
	}
}

// end returns what was measured, sorted.
func (l *lag) end() checker.Times {
	close(l.stop)
	l.running.Wait()
	slices.Sort(l.times)
	return l.times
}
