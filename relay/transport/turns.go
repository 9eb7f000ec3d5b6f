package transport

import (
	"crypto/tls"
	"runtime"
)

// InTurn returns a config with which no more handshakes are computed at a time than there are
// CPUs, in the order in which they came: what they cost is met by whoever connects, and not by
// those who are connected. Only that counts as a turn which the node has to compute, from the
// client's hello to the node's own: nobody takes one up by saying nothing. The connections
// must be a [Listener]'s. What the config's own GetConfigForClient says counts.
func InTurn(config *tls.Config) *tls.Config {
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	chosen := config.GetConfigForClient
	if chosen == nil {
		chosen = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
	}
	config = config.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s, ok := hello.Conn.(*socket)
		if !ok {
			return chosen(hello)
		}
		select {
		case turns <- struct{}{}:
			s.takeTurn(turns)
			return chosen(hello)
		case <-hello.Context().Done():
			return nil, hello.Context().Err()
		}
	}
	return config
}

// takeTurn notes that the turn ends with what is written next, or with the connection.
func (s *socket) takeTurn(turns chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns = turns
}

// endTurn ends it. The caller holds mu.
func (s *socket) endTurn() {
	if s.turns != nil {
		<-s.turns
		s.turns = nil
	}
}
