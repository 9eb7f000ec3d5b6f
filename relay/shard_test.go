package relay

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
)

// A reader that joined a moment ago is not known to its worker yet. A pass that
// begins then must not let go of what came since the join.
func TestPassKeepsWhatAReaderNeedsThatTheWorkerDoesNotKnowYet(t *testing.T) {
	h := New(Config{Roster: silent{}, Metrics: metrics.New(prometheus.NewRegistry())})
	w, ch := newWorker(h), newChannel(channelKey{"3", "log"}, &auth.App{}, h)
	ch.confirm()
	early, late := newSink(w, ch), newSink(w, ch)
	addTo(ch, early.subscription)
	w.takeTasks()
	w.serveReady()

	addTo(ch, late.subscription)
	event := protocol.Event{Name: "line", Channel: "log"}
	ch.deliver(event)
	w.begin(early.shard) // the inbox with the join was not looked at
	w.servePass()
	w.takeTasks()
	w.serveReady()

	if frame := protocol.EncodeEvent(event); late.got != string(frame) {
		t.Errorf("the late reader got %q, want %q", late.got, frame)
	}
}

// sink is a reader whose socket takes everything.
type sink struct {
	*subscription
	got string
}

func newSink(w *worker, ch *channel) *sink {
	s := &sink{}
	s.subscription = &subscription{conn: &Conn{id: "1.1", worker: w, transport: s}, channel: ch, lag: -1}
	return s
}

func (s *sink) Send(p []byte) bool { s.got += string(p); return true }
func (s *sink) Drop()              {}
func (s *sink) Cut()               {}

func addTo(ch *channel, s *subscription) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.add(s)
}

// silent is a roster that says nothing.
type silent struct{ Roster }

func (silent) Count(string, string, int) {}

// Every reader leaves as soon as it has the event; the others still get it.
func TestReadersThatLeaveDuringAPassTakeNothingFromOthers(t *testing.T) {
	h := New(Config{Roster: silent{}, Metrics: metrics.New(prometheus.NewRegistry())})
	w, ch := newWorker(h), newChannel(channelKey{"3", "log"}, &auth.App{}, h)
	ch.confirm()
	readers := make([]*leaver, 10*slice)
	for i := range readers {
		readers[i] = &leaver{}
		readers[i].subscription = &subscription{conn: &Conn{id: "1.1", worker: w, transport: readers[i]}, channel: ch, lag: -1}
		addTo(ch, readers[i].subscription)
	}
	w.takeTasks()
	for len(w.ready) > 0 {
		w.serveReady()
	}
	event := protocol.Event{Name: "line", Channel: "log"}
	ch.deliver(event)
	for w.takeTasks(); len(w.ready) > 0 || len(w.passes) > 0; w.takeTasks() {
		w.serveReady()
		w.servePass()
	}
	frame := string(protocol.EncodeEvent(event))
	for i, r := range readers {
		if r.got != frame {
			t.Errorf("reader %d got %q, want %q", i, r.got, frame)
		}
	}
}

// leaver is a reader that leaves once it was sent something.
type leaver struct{ sink }

func (l *leaver) Send(p []byte) bool {
	l.sink.Send(p)
	l.channel.remove(l.subscription, time.Now())
	return true
}
