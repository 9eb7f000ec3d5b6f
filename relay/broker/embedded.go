package broker

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"buildrelay/auth"
)

// Embedded is a Redis inside this process, for the demo: it keeps nothing, serves
// one node, and listens on loopback without a password.
type Embedded struct {
	server *miniredis.Miniredis
}

// StartEmbedded starts a Redis on a free port of 127.0.0.1. It runs until Close.
func StartEmbedded() (*Embedded, error) {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true) // keys expire as time passes, as they do in Redis
	if err := server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("starting the built-in Redis: %w", err)
	}
	return &Embedded{server: server}, nil
}

// Addr is where it listens, as host:port.
func (e *Embedded) Addr() string { return e.server.Addr() }

// URL is its address for [redisconn.ParseURL].
func (e *Embedded) URL() auth.Secret { return auth.Secret("redis://" + e.Addr() + "/0") }

// Close ends it and waits for its connections to end.
func (e *Embedded) Close() { e.server.Close() }
