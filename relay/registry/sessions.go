package registry

import "sync"

// sessions are those of this node, and what Redis may not know of them.
type sessions struct {
	mu sync.Mutex
	// own are this node's.
	own map[string]struct{}
	// due are those of which Redis may not know that they are this node's, or that they are
	// no more.
	due map[string]struct{}
	// changed has a token when something is due.
	changed chan struct{}
}

func newSessions() sessions {
	return sessions{own: make(map[string]struct{}), due: make(map[string]struct{}), changed: make(chan struct{}, 1)}
}

func (s *sessions) has(session string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, own := s.own[session]
	return own
}

// claimed makes a session this node's, unless its claim was abandoned. known says that Redis
// has it already.
func (s *sessions) claimed(a *ask, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.abandoned {
		s.say(a.session) // Redis may have it, whether it is this node's or not
		return
	}
	s.own[a.session] = struct{}{}
	if !known {
		s.say(a.session)
	}
}

// claimedAlone makes a session this node's without an answer from Redis.
func (s *sessions) claimedAlone(a *ask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.abandoned = true
	s.own[a.session] = struct{}{}
	s.say(a.session)
}

func (s *sessions) release(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, own := s.own[session]; own {
		delete(s.own, session)
		s.say(session)
	}
}

// say makes a session due. The caller holds mu.
func (s *sessions) say(session string) {
	s.due[session] = struct{}{}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// repeat makes all of this node's due.
func (s *sessions) repeat() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.own {
		s.due[session] = struct{}{}
	}
}

// releaseAll gives all up.
func (s *sessions) releaseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.own {
		s.due[session] = struct{}{}
	}
	clear(s.own)
}

// forget gives up telling which are no more: Redis has forgotten them by itself.
func (s *sessions) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.due {
		if _, own := s.own[session]; !own {
			delete(s.due, session)
		}
	}
}

// take returns up to n of what is due: what to set, and what to delete. What Redis could not
// be told after all is for [sessions.give].
func (s *sessions) take(n int) (set, del []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.due {
		if len(set)+len(del) == n {
			break
		}
		delete(s.due, session)
		if _, own := s.own[session]; own {
			set = append(set, session)
		} else {
			del = append(del, session)
		}
	}
	return set, del
}

// give makes due again what was taken.
func (s *sessions) give(taken []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range taken {
		s.due[session] = struct{}{}
	}
}
