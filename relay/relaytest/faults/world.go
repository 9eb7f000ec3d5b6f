package faults

import (
	"context"
	"crypto/tls"
	"maps"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
)

// World is what a plan's Nemesis may harm.
type World struct {
	T      *testing.T
	Redis  *relaytest.Redis // nil with a Group
	Group  RedisGroup       // nil with one server
	Relays []*relaytest.Relay

	dice    dice
	tls     *tls.Config // for clients of the relays, nil without TLS
	faults  []checker.Fault
	readers []*reader
	// name is in all lines of the run; closer writes the last ones of the logs.
	name   string
	closer *writer
}

func newWorld(t *testing.T, p Plan, seed uint64) *World {
	t.Helper()
	w := &World{T: t, dice: newDice(seed, 0), name: strconv.FormatUint(seed, 10)}
	url := w.startRedis(p)
	w.closer = &writer{by: newRedisAppender(impatient(t, w.Client(), "", time.Second), false), dice: w.dice}
	env := map[string]string{
		"RELAY_LOG_RULES":   rules,
		"RELAY_FEED_MEMORY": "256KiB", // slow readers fall off the feeds
		"RELAY_LOG_LEVEL":   "info",
	}
	maps.Copy(env, p.Env)
	start := relaytest.StartRelay
	switch {
	case p.Faulty:
		start = relaytest.StartFaultyRelay
	case p.TLS:
		certs := relaytest.NewCerts(t)
		w.tls = certs.Client()
		w.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0) // as browsers do
		start = func(t testing.TB, env map[string]string) *relaytest.Relay {
			return relaytest.StartRelayTLS(t, certs, env)
		}
	}
	for i := range p.Relays {
		own := map[string]string{"RELAY_REDIS_URL": url(i)}
		maps.Copy(own, env)
		if p.Start != nil {
			w.Relays = append(w.Relays, p.Start(t, i, own))
			continue
		}
		w.Relays = append(w.Relays, start(t, own))
	}
	return w
}

// startRedis returns what tells each relay where it is.
func (w *World) startRedis(p Plan) (url func(relay int) string) {
	if p.Group != nil {
		w.Group = p.Group(w.T)
		return func(int) string { return w.Group.URL() }
	}
	w.Redis = relaytest.StartRedis(w.T, p.Redis...)
	if p.RelayVia != nil {
		return func(relay int) string { return "redis://" + p.RelayVia(w.T, relay, w.Redis.Address()) }
	}
	all := "redis://" + p.RelaysVia(w.T, w.Redis.Address())
	return func(int) string { return all }
}

// Client is a client of the Redis that has the logs.
func (w *World) Client() redis.UniversalClient {
	if w.Group != nil {
		return w.Group.Client()
	}
	return w.Redis.Client()
}

// Pick draws one of n.
func (w *World) Pick(n int) int { return w.dice.IntN(n) }

// Wait lets the run go on for a while, from a up to b by the seed.
func (w *World) Wait(a, b time.Duration) { pause(w.dice.between(a, b), w.T.Context().Done()) }

// Fault does harm and undoes it; when it returns, nothing of it is left.
func (w *World) Fault(name string, harm func()) {
	f := checker.Fault{Name: name, Begun: time.Now()}
	harm()
	f.Over = time.Now()
	w.faults = append(w.faults, f)
}

// Freeze makes a relay do nothing, and close nothing, until Thaw.
func (w *World) Freeze(relay int) { w.Relays[relay].Signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (w *World) Thaw(relay int) { w.Relays[relay].Signal(syscall.SIGCONT) }

// ResetClients ends all connections of readers with an error, as a balancer that dies.
func (w *World) ResetClients() {
	for _, r := range w.readers {
		r.wire.reset()
	}
}

// StopClients makes some of the readers, each with that chance, take nothing for a while. It
// returns how many.
func (w *World) StopClients(share float64, a, b time.Duration) (n int) {
	for _, r := range w.readers {
		if w.dice.Float64() < share {
			n++
			r.wire.stand()
			defer r.wire.move()
		}
	}
	w.Wait(a, b)
	return n
}

// AwaitEntries lets the run go on until the channel's log has had n entries.
func (w *World) AwaitEntries(channel string, n uint64) {
	w.T.Helper()
	deadline := time.Now().Add(4 * relaytest.Patience)
	for time.Now().Before(deadline) {
		if w.Entries(channel) >= n {
			return
		}
		w.Wait(50*time.Millisecond, 50*time.Millisecond)
	}
	w.T.Errorf("the log of %s has not come to %d entries", channel, n)
}

// Entries is how many the channel's log has had: 0 without a log, or without an answer.
func (w *World) Entries(channel string) uint64 {
	text, _ := w.Client().HGet(w.T.Context(), LogKey(channel)+":meta", "i").Result()
	id, _ := protocol.ParseID(text)
	return id.Offset
}

// Close closes a log. In a plan that begins the writers begin it anew.
func (w *World) Close(channel string) {
	ctx, cancel := context.WithTimeout(w.T.Context(), patience)
	defer cancel()
	w.closer.first = checker.Line{Run: w.name, Channel: channel, Writer: "closer"}
	w.closer.write(ctx, []numbered{w.closer.number(1 + len(w.closer.calls))}, options{Begin: true, Final: true})
}
