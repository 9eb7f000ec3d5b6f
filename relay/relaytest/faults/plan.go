package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// RedisGroup is several Redis servers that are one to the relays and to backends: a
// master with replicas and Sentinels, or a Cluster.
type RedisGroup interface {
	// URL is what RELAY_REDIS_URL has to be.
	URL() string
	// Client is a client that finds the master itself.
	Client() redis.UniversalClient
}

// Plan is a run: the parts, what they carry, and what is done to them.
type Plan struct {
	Fault string
	// Seed is what the run is drawn from; 0 is RELAY_FAULT_SEED, or any.
	Seed  uint64
	Redis []relaytest.RedisOption // changes the server
	// Group starts what takes the place of the one server: World.Redis is nil then, Redis,
	// RelaysVia and, for Redis, BackendsVia mean nothing.
	Group func(t testing.TB) RedisGroup
	// Forgets says that Redis is made to forget the logs; Begins that Nemesis closes them,
	// and that the writers begin them anew.
	Forgets, Begins bool
	// Rewinds says that Redis is made to lose its newest entries alone.
	Rewinds bool
	// Evicts says that Redis is made to drop keys: the entries of a log, or what says where
	// it ends, one without the other.
	Evicts bool
	// Relays is how many there are, 1 if it is 0. Env changes their settings, TLS makes
	// them serve it, and Faulty gives them the switches of [relaytest.FaultyTag].
	Relays      int
	Env         map[string]string
	TLS, Faulty bool
	// Start starts a relay, by its index, where that is not to be done in the usual way.
	Start func(t testing.TB, relay int, env map[string]string) *relaytest.Relay
	// RelaysVia returns the address by which the relays reach Redis, BackendsVia the one
	// by which writers reach Redis or a relay; nil is the address itself.
	RelaysVia, BackendsVia func(t testing.TB, address string) string
	// RelayVia is RelaysVia, but for each relay, by its index.
	RelayVia func(t testing.TB, relay int, address string) string
	// Channels are those that are written and read: the beginnings of their names say
	// what they replay and keep, see rules. Without any there are two.
	Channels []string
	// Writers and Readers are those of the channels. Without any each channel has three
	// writers, each with the plan's Load, and readers of every kind; Crawlers is how many more
	// it then has that take 1 KiB a second.
	Writers  []Writer
	Readers  []Reader
	Crawlers int
	Load     Load
	// Balanced says that the readers connect through a load balancer, and come back as
	// pusher-js does.
	Balanced bool
	// Before is called when everything runs and nobody has come yet.
	Before func(w *World)
	// Nemesis does the harm, in the test's own goroutine, while everything runs.
	Nemesis func(w *World)
}

// Load is what each writer does.
type Load struct {
	Every   time.Duration // a call, on average
	Filler  int           // bytes that make a line long, on average
	Timeout time.Duration // of a call to Redis or a relay
	// Burst is how many lines come without a pause every BurstEvery, on average; none if that
	// is 0.
	Burst      int
	BurstEvery time.Duration
}

// Writer is a backend that appends to a channel.
type Writer struct {
	// By is how: evalsha, fcall or http. A channel has at most one writer of each.
	By, Channel string
	Load        Load
}

// defaultWriters are those of a plan that names none.
func (p Plan) defaultWriters() (writers []Writer) {
	for _, channel := range p.Channels {
		for _, by := range []string{"evalsha", "fcall", "http"} {
			writers = append(writers, Writer{By: by, Channel: channel, Load: p.Load})
		}
	}
	return writers
}

// rules are the relays' log rules, see replayOf.
const rules = all + "* replay=all; " + encrypted + "* replay=all; " + none + "* replay=none; " + small + "* replay=all events=40; " +
	last + "* replay=50 events=1000000 bytes=1GiB"

// The beginnings of channels' names.
const (
	all       = "private-all-"           // stock clients get everything
	encrypted = "private-encrypted-all-" // likewise; notices have other names
	none      = "private-none-"          // stock clients get what comes
	small     = "private-small-"         // the newest 40 entries are kept
	last      = "private-last-"          // stock clients get the last 50, and everything is kept
)

// optionsFor are those of the writers of a channel. What a log keeps is set by whoever
// appends: the rules are those of the relay alone.
func (p Plan) optionsFor(channel string) options {
	o := options{Begin: p.Begins}
	switch {
	case strings.HasPrefix(channel, small):
		o.MaxLen = 40
	case strings.HasPrefix(channel, last):
		o.MaxLen, o.MaxBytes = 1e6, 1<<30
	}
	return o
}

// replayOf is what a stock client of the channel gets at first.
func replayOf(channel string) protocol.Start {
	switch {
	case strings.HasPrefix(channel, none):
		return protocol.Start{}
	case strings.HasPrefix(channel, last):
		return protocol.Start{Kind: protocol.StartCount, N: 50}
	}
	return protocol.Start{Kind: protocol.StartFirst}
}

// withDefaults fills in what the plan leaves open.
func (p Plan) withDefaults() Plan {
	if len(p.Channels) == 0 {
		p.Channels = []string{all + "1", none + "1"}
	}
	if p.Load.Every == 0 {
		p.Load.Every = relaytest.Lasting(20*time.Millisecond, 50*time.Millisecond)
	}
	if p.Load.Filler == 0 {
		p.Load.Filler = 400
	}
	if p.Load.Timeout == 0 {
		p.Load.Timeout = time.Second
	}
	p.Relays = max(1, p.Relays)
	direct := func(_ testing.TB, address string) string { return address }
	if p.RelaysVia == nil {
		p.RelaysVia = direct
	}
	if p.BackendsVia == nil {
		p.BackendsVia = direct
	}
	if len(p.Writers) == 0 {
		p.Writers = p.defaultWriters()
	}
	if len(p.Readers) == 0 {
		p.Readers = p.defaultReaders()
	}
	return p
}

// trims says that the logs will be longer than what is kept of them.
func (p Plan) trims() bool {
	if p.Evicts {
		return true
	}
	for _, channel := range p.Channels {
		if strings.HasPrefix(channel, small) {
			return true
		}
	}
	return false
}
