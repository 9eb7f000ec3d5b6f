package main_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// Toxiproxy answers for the server behind it; a network that loses everything does not.
func TestFaultsOfNetworks(t *testing.T) {
	t.Parallel()
	runFaults(t, map[string]fault{
		"F7 all packets between the relay and Redis are lost": packetsLost(lasting(60*second, 8*second)),
	})
}

// distant is a Redis that relays reach by a link of their own.
type distant struct {
	*relaytest.Redis
	relays *relaytest.Link
}

func (d distant) URL() string {
	_, port, _ := strings.Cut(d.Redis.Address(), ":")
	return "redis://" + net.JoinHostPort(d.relays.Inside, port)
}

func (d distant) Client() redis.UniversalClient { return d.Redis.Client() }

// packetsLost cuts the relay off a Redis that backends go on to reach.
func packetsLost(d time.Duration) fault {
	var relays *relaytest.Link
	return fault{stale: d > 10*second, Plan: faults.Plan{
		Group: func(t testing.TB) faults.RedisGroup {
			n, backends := relaytest.NewNamespace(t)
			relays = n.Connect()
			return distant{relaytest.StartRedis(t, relaytest.RedisIn(backends, relays)), relays}
		},
		Nemesis: func(w *faults.World) {
			w.Wait(second, 2*second)
			w.Fault("lost packets", func() {
				relays.Cut()
				w.Wait(d, d)
				relays.Mend()
			})
			w.Wait(2*second, 3*second)
		},
	}}
}
