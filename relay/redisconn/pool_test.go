package redisconn

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// The client of a server that is no master any more goes on dialing it, unless it is closed.
func TestTheClientOfAFormerMasterIsClosed(t *testing.T) {
	t.Parallel()
	s := newServers(told{}, &redis.Options{}, nil)
	s.known.Store(single("old:1"))
	p := NewPool(s, func(o *redis.Options) *redis.Options { return o })
	defer p.Close()
	of := func() *redis.Client {
		c, err := p.Of(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	of()
	s.known.Store(single("new:1"))
	next := of()
	if _, kept := p.retired["old:1"]; !kept || len(p.clients) != 2 {
		t.Fatalf("%d clients, retired: %v", len(p.clients), p.retired)
	}
	p.retired["old:1"] = time.Now().Add(-2 * retiredFor)
	if again := of(); again != next || len(p.clients) != 1 || len(p.retired) != 0 {
		t.Errorf("%d clients, retired: %v", len(p.clients), p.retired)
	}
}
