package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	logReaders  = 8
	logChannels = 3
	logEvents   = 1200
)

// Events get lost on their way to the node, come twice, and nothing says so. Readers
// come and go with their positions, and stall. Each sees every event once, in order.
func TestReadersOfLogsSeeEveryEventOnce(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) { logStress(t, seed, relay.Controls{}, 0).mustBeWhole() })
	}
}

// With a log that keeps little, what a reader does not see it is told, to the number.
func TestReadersOfTrimmedLogsAreToldWhatTheyDoNotSee(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) { logStress(t, seed, relay.Controls{}, 40).mustBeTold() })
	}
}

// What the two tests above look for is found when the relay does not do its work.
func TestStressOfLogsFailsWithoutResyncAndWithoutSeek(t *testing.T) {
	for name, controls := range map[string]relay.Controls{
		"resync": {WithoutResync: true}, "seek": {WithoutSeek: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			if faults := logStress(t, 1, controls, 0).faults(); faults == 0 {
				t.Errorf("without %s nothing was wrong", name)
			}
		})
	}
}

type logWorld struct {
	t       *testing.T
	log     *scriptedLog
	hub     *relay.Hub
	readers []*logReader
}

// logStress runs events past readers, waits until all is quiet, and returns what the
// readers saw. keep is how many events a log retains, 0 for all.
func logStress(t *testing.T, seed uint64, controls relay.Controls, keep int) *logWorld {
	w := &logWorld{t: t, log: newScriptedLog(&world{events: &journal{}})}
	w.log.pageSize = 20
	w.hub = relay.New(relay.Config{
		Roster:   noRoster{},
		Interest: deafInterest{}, Log: w.log, Metrics: metrics.New(prometheus.NewRegistry()),
		FlushWindow: time.Millisecond, FeedMemory: 64 << 10, Workers: 3, Controls: controls,
	})
	ctx, stop := context.WithCancel(t.Context())
	var running, churning sync.WaitGroup
	running.Go(func() { w.hub.Run(ctx) })
	done := make(chan struct{})
	for i := range logReaders {
		r := newLogReader(w, seed*100+uint64(i))
		w.readers = append(w.readers, r)
		churning.Go(func() { r.churn(done) })
	}
	w.publish(rand.New(rand.NewPCG(seed, 7)), keep)
	close(done)
	churning.Wait()
	<-time.After(10 * time.Second) // of the bubble: every comparison and every page
	for _, r := range w.readers {
		r.conn.Closed()
	}
	stop()
	running.Wait()
	return w
}

func (w *logWorld) publish(random *rand.Rand, keep int) {
	for i := range logEvents {
		channel := channelName(random.IntN(logChannels))
		e := w.log.add(channel, "line", strconv.Itoa(i)+strings.Repeat(".", random.IntN(2000)), "", false)
		w.log.retain(channel, keep)
		switch random.IntN(20) {
		case 0, 1: // lost
		case 2:
			w.hub.Deliver(appID, e)
			w.hub.Deliver(appID, e)
		default:
			w.hub.Deliver(appID, e)
		}
		if random.IntN(10) == 0 {
			w.hub.Flush()
			<-time.After(time.Duration(random.IntN(4000)) * time.Microsecond)
		}
	}
	w.hub.Flush()
}

// retain trims a log to its newest n events.
func (l *scriptedLog) retain(channel string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if log := l.logs[channel]; n > 0 && len(log.entries) > n {
		log.entries = log.entries[len(log.entries)-n:]
	}
}

func (w *logWorld) faults() (n int) {
	for _, r := range w.readers {
		n += len(r.wrong)
		for channel, log := range w.log.logs {
			if r.at[channel].ID != log.top {
				n++
			}
		}
	}
	return n
}

func (w *logWorld) mustBeTold() {
	w.t.Helper()
	events := 0
	for i, r := range w.readers {
		for _, wrong := range r.wrong {
			w.t.Errorf("reader %d: %s", i, wrong)
		}
		for channel, log := range w.log.logs {
			if r.at[channel].ID != log.top {
				w.t.Errorf("reader %d ends at %v of %s, which ends at %v", i, r.at[channel].ID, channel, log.top)
			}
		}
		events += r.events
	}
	if events == 0 {
		w.t.Error("nothing was read")
	}
}

func (w *logWorld) mustBeWhole() {
	w.t.Helper()
	w.mustBeTold()
	for i, r := range w.readers {
		if r.gaps > 0 {
			w.t.Errorf("reader %d was told %d gaps, though nothing is trimmed", i, r.gaps)
		}
	}
}

// logReader keeps its positions, and checks that each frame follows the one before.
type logReader struct {
	dawdler
	w      *logWorld
	random *rand.Rand // of churn

	// Guarded by mu.
	at     map[string]protocol.Position
	events int
	gaps   int
	wrong  []string
}

func newLogReader(w *logWorld, seed uint64) *logReader {
	r := &logReader{w: w, at: make(map[string]protocol.Position), random: rand.New(rand.NewPCG(seed, 1))}
	r.dawdler = dawdler{longest: 60 * time.Millisecond, look: r.check, stalls: rand.New(rand.NewPCG(seed, 2))}
	rules := protocol.LogRules{{Pattern: "log-*", Replay: protocol.Start{Kind: protocol.StartFirst}}}
	if err := r.open(w.hub, rules); err != nil {
		w.t.Fatal(err)
	}
	for i := range logChannels {
		r.subscribe(channelName(i))
	}
	return r
}

func (r *logReader) subscribe(channel string) {
	r.mu.Lock()
	since := ""
	if at, ok := r.at[channel]; ok {
		since = fmt.Sprintf(`,"since":%q`, at)
	}
	r.mu.Unlock()
	r.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"channel":%q%s}}`, channel, since))
	r.w.hub.Confirmed(appID, channel)
}

// churn leaves channels and comes back with its position, until done is closed.
func (r *logReader) churn(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(r.random.IntN(300)) * time.Millisecond):
		}
		channel := channelName(r.random.IntN(logChannels))
		r.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:unsubscribe","data":{"channel":%q}}`, channel))
		<-time.After(time.Duration(1+r.random.IntN(20)) * time.Millisecond)
		r.subscribe(channel)
	}
}

// check takes in one frame. The caller holds mu.
func (r *logReader) check(payload []byte) {
	var m struct{ Event, Channel, Data, Relay string }
	if err := json.Unmarshal(payload, &m); err != nil || m.Relay == "" {
		return
	}
	at, err := protocol.ParsePosition(m.Relay)
	if err != nil {
		r.wrong = append(r.wrong, err.Error())
	}
	from := r.at[m.Channel]
	r.at[m.Channel] = at
	switch m.Event {
	case "relay:position":
		if from.Epoch != "" && at != from {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: came back at %s and was put at %s", m.Channel, from, at))
		}
	case "relay:gap":
		var gap struct {
			From    string
			Missing uint64
		}
		if err := json.Unmarshal([]byte(m.Data), &gap); err != nil || at.ID.Offset != from.ID.Offset+gap.Missing {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: at %s a gap %s to %s", m.Channel, from, m.Data, at))
		}
		r.gaps++
	default:
		r.events++
		if at.ID.Offset != from.ID.Offset+1 {
			r.wrong = append(r.wrong, fmt.Sprintf("%s: %s after %s", m.Channel, at, from))
		}
	}
}
