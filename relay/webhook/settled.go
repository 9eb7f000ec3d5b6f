package webhook

import (
	"sync"

	"buildrelay/protocol"
)

// settled are the occurrences that the outbox is to forget. It is safe for concurrent use.
type settled struct {
	mu   sync.Mutex
	done []protocol.Occurrence
}

// add notes occurrences that nothing is left to do for.
func (s *settled) add(done ...protocol.Occurrence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, done...)
}

// leave notes that one of its targets is done with e.
func (s *settled) leave(e *event) {
	if e.left.Add(-1) == 0 {
		s.add(e.Occurrence)
	}
}

// take takes at most so many of them.
func (s *settled) take(most int) []protocol.Occurrence {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, len(s.done))
	taken := s.done[:n:n]
	s.done = s.done[n:]
	return taken
}
