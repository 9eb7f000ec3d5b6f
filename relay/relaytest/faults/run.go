package faults

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
	plan     Plan
	seed     uint64
	balancer *balancer // nil unless the plan is balanced
	writers  []*writer

	reading, writing sync.WaitGroup
	// stopReading and giveUp end the contexts of readers and writers; stopWriting is
	// closed for writers to end the calls that they are in.
	stopReading, giveUp context.CancelFunc
	stopWriting         chan struct{}
}

// Run runs a plan. What it finds is for the caller to judge; what no run may show, such
// as a line that the relay refused, fails the test.
func Run(t *testing.T, plan Plan) Result {
	t.Helper()
	plan, n := plan.withDefaults(), plan.Seed
	if n == 0 {
		n = seed(t)
	}
	t.Logf("%s: RELAY_FAULT_SEED=%d", plan.Fault, n)
	r := &run{World: newWorld(t, plan, n), plan: plan, seed: n, stopWriting: make(chan struct{})}
	r.populate()
	if plan.Before != nil {
		plan.Before(r.World)
	}
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
	var sockets, bases []string
	for _, relay := range r.Relays {
		sockets = append(sockets, relay.SocketURL(relaytest.Key))
		scheme, _, _ := strings.Cut(relay.URL(), "://")
		bases = append(bases, scheme+"://"+r.plan.BackendsVia(r.T, relay.Address))
	}
	server := ""
	if r.Redis != nil {
		server = r.plan.BackendsVia(r.T, r.Redis.Address())
	}
	if r.plan.Balanced {
		r.balancer = newBalancer(r.Relays)
	}
	shared := newTexts()
	for _, kind := range r.plan.Readers {
		reader := newReader(kind, r.nextDice())
		reader.urls, reader.balancer, reader.tls, reader.texts = sockets, r.balancer, r.tls, shared
		r.readers = append(r.readers, reader)
	}
	text := newOutput()
	for _, kind := range r.plan.Writers {
		load := kind.Load
		if load.Timeout == 0 {
			load.Timeout = r.plan.Load.Timeout
		}
		r.writers = append(r.writers, &writer{
			first: checker.Line{Run: r.name, Channel: kind.Channel, Writer: kind.By},
			by:    r.appender(kind.By, server, bases, load.Timeout), load: load, output: text,
			options: r.plan.optionsFor(kind.Channel), dice: r.nextDice(),
		})
	}
}

// appender is one of the ways to append: by Redis' server, or by relays.
func (r *run) appender(by, server string, relays []string, timeout time.Duration) appender {
	if by == "http" {
		return newHTTPAppender(relays, 5*timeout, r.tls)
	}
	return newRedisAppender(impatient(r.T, r.Client(), server, timeout), by == "fcall")
}

// nextDice are the dice of the next part.
func (r *run) nextDice() dice { return newDice(r.seed, uint64(1+len(r.readers)+len(r.writers))) }

// start begins to read and write. Whatever becomes of the test, nothing of it runs
// longer.
func (r *run) start() {
	read, stopReading := context.WithCancel(r.T.Context())
	write, giveUp := context.WithCancel(r.T.Context())
	r.stopReading, r.giveUp = stopReading, giveUp
	r.T.Cleanup(func() {
		stopReading()
		giveUp()
		r.reading.Wait()
		r.writing.Wait()
		if r.balancer != nil {
			r.balancer.wait()
		}
	})
	if r.balancer != nil {
		r.balancer.watch(read)
	}
	for _, reader := range r.readers {
		r.reading.Go(func() { reader.run(read) })
	}
	for _, w := range r.writers {
		r.writing.Go(func() { w.run(write, r.stopWriting) })
	}
}

// endWriting lets the writers end the calls that they are in.
func (r *run) endWriting() {
	close(r.stopWriting)
	impatient := time.AfterFunc(patience, r.giveUp)
	defer impatient.Stop()
	r.writing.Wait()
	for _, w := range r.writers {
		if w.failed != nil {
			r.T.Errorf("%s: no answer after %s, but %v", w.first.Writer, patience, w.failed)
		}
	}
}

// closeLogs closes the logs and reads them.
func (r *run) closeLogs() (logs []checker.Log) {
	for _, reader := range r.readers {
		reader.wire.hurry.Store(true)
	}
	for _, channel := range r.plan.Channels {
		r.Close(channel)
		l, err := readLog(r.T.Context(), r.Client(), channel)
		if err != nil {
			r.T.Fatal(err)
		}
		logs = append(logs, l)
	}
	return logs
}

// endReading lets the readers read to the end. What they do not reach the checker finds.
func (r *run) endReading(logs []checker.Log) {
	closed := time.Now()
	defer r.reading.Wait()
	defer r.stopReading()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !r.haveRead(logs, closed) {
		select {
		case <-again.C:
		case <-deadline.C:
			return
		}
	}
}

func (r *run) haveRead(logs []checker.Log, closed time.Time) bool {
	for _, reader := range r.readers {
		for _, l := range logs {
			if !reader.hasRead(l.Channel, l.Top, closed) {
				return false
			}
		}
	}
	return true
}

// history is all that is known when everything has ended.
func (r *run) history(logs []checker.Log) checker.History {
	h := checker.History{
		Logs: logs, Faults: r.faults, Trims: r.plan.trims(),
		Renews: r.plan.Forgets || r.plan.Begins || r.plan.Evicts, Rewinds: r.plan.Rewinds,
	}
	for _, w := range slices.Concat(r.writers, []*writer{r.closer}) {
		h.Calls = append(h.Calls, w.calls...)
		for _, why := range w.refused {
			r.T.Errorf("a writer: %s", why)
		}
	}
	for _, reader := range r.readers {
		h.Views = append(h.Views, reader.views()...)
		for _, what := range reader.failed {
			r.T.Error(what)
		}
	}
	return h
}
