package authorize

import (
	"log/slog"
	"sync"
	"time"
)

// calm is how long there is to be nothing but answers until it is said that there are answers
// again: questions that nobody can decide among others are one trouble, not many.
const calm = time.Minute

// state is whether who may watch is decided at all.
type state struct {
	log *slog.Logger

	mu      sync.Mutex
	failing bool
	failed  time.Time // the last time
}

// tell logs that there are no answers any more, and that there are again.
func (s *state) tell(err error, failed bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case failed && !s.failing:
		s.log.Warn("nobody decides who may watch: all are refused that nothing is known of", "error", err)
	case !failed && s.failing && now.Sub(s.failed) >= calm:
		s.log.Info("it is decided again who may watch")
		s.failing = false
	}
	if failed {
		s.failing, s.failed = true, now
	}
}
