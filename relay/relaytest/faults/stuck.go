package faults

import (
	"context"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// Stuck are clients that subscribe, and then read nothing for ever, as the page of a
// browser does that was put to sleep.
type Stuck struct {
	w       *World
	waiting sync.WaitGroup

	mu     sync.Mutex
	closed []time.Duration // from when they stopped reading
}

// StickReaders connects n of them to a channel on the relays in turn.
func (w *World) StickReaders(n int, channel string) *Stuck {
	w.T.Helper()
	s := &Stuck{w: w}
	ctx, cancel := context.WithCancel(w.T.Context())
	w.T.Cleanup(func() { cancel(); s.waiting.Wait() })
	for i := range n {
		c, err := dial(ctx, w.Relays[i%len(w.Relays)].SocketURL(relaytest.Key), w.tls, newWire(time.Millisecond))
		if err != nil {
			w.T.Fatalf("connecting a client that reads nothing: %v", err)
		}
		signed := auth.SignChannel(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, c.id(), channel, nil)
		if err := c.send(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `","auth":"` + signed + `"}}`); err != nil {
			w.T.Fatalf("subscribing a client that reads nothing: %v", err)
		}
		s.waiting.Go(func() { s.await(ctx, c) })
	}
	return s
}

// await sends a word every so often: who does not read learns in no other way that the
// connection was closed.
func (s *Stuck) await(ctx context.Context, c *socket) {
	defer c.close()
	begun := time.Now()
	for pause(200*time.Millisecond, ctx.Done()) {
		if c.send(`{"event":"pusher:ping","data":{}}`) == nil {
			continue
		}
		s.mu.Lock()
		s.closed = append(s.closed, time.Since(begun))
		s.mu.Unlock()
		return
	}
}

// Closed are how long after they stopped reading those were closed that are.
func (s *Stuck) Closed() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Duration(nil), s.closed...)
}
