package faults

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
)

// Result is what came of a run.
type Result struct {
	Seed    uint64
	History checker.History
	Report  *checker.Report
}

// patience is how long writers and readers have for the rest when nothing is done any
// more.
const patience = 20 * time.Second

// run is a run of a plan.
type run struct {
	*World
	plan    Plan
	seed    uint64
	readers []*reader
	writers []*writer
	end     *writer // writes the last line of each log

	reading, writing sync.WaitGroup
	stopReading      context.CancelFunc
	stopWriting      chan struct{}
}

// Run runs a plan. What it finds is for the caller to judge; what no run may show, such
// as a line that the relay refused, fails the test.
func Run(t *testing.T, plan Plan) Result {
	t.Helper()
	plan, n := plan.withDefaults(), seed(t)
	t.Logf("%s: RELAY_FAULT_SEED=%d", plan.Fault, n)
	r := &run{World: newWorld(t, plan, n), plan: plan, seed: n, stopWriting: make(chan struct{})}
	r.populate()
	r.start()
	plan.Nemesis(r.World)
	r.endWriting()
	logs := r.closeLogs()
	r.endReading(logs)
	result := Result{Seed: n, History: r.history(logs)}
	result.Report = checker.Check(result.History)
	return result
}

// populate makes readers and writers, each with dice of its own.
func (r *run) populate() {
	parts := uint64(0)
	dice := func() dice {
		parts++
		return newDice(r.seed, parts)
	}
	var sockets, bases []string
	for _, relay := range r.Relays {
		sockets = append(sockets, relay.SocketURL(relaytest.Key))
		bases = append(bases, "http://"+r.plan.BackendsVia(r.T, relay.Address))
	}
	server := r.plan.BackendsVia(r.T, r.Redis.Address())
	load := r.plan.Load
	for _, channel := range r.plan.Channels {
		for _, kind := range readerKinds() {
			r.readers = append(r.readers, newReader(kind, sockets, []string{channel}, dice()))
		}
		for name, by := range map[string]appender{
			"evalsha": newRedisAppender(server, load.Timeout, false),
			"fcall":   newRedisAppender(server, load.Timeout, true),
			"http":    newHTTPAppender(bases, 5*load.Timeout),
		} {
			r.writers = append(r.writers, r.writer(channel+" "+name, channel, by, dice()))
		}
	}
	r.readers = append(r.readers, newReader(readerKind{name: "resuming all", resumes: true, every: time.Second}, sockets, r.plan.Channels, dice()))
	r.end = r.writer("end", "", newRedisAppender(r.Redis.Address(), time.Second, false), dice())
}
