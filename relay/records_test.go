package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// recorder keeps records. Confirm waits for held, if that is not nil.
type recorder struct {
	mu      sync.Mutex
	records []audit.Record
	held    chan struct{}
}

func (r *recorder) Note(record audit.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, record)
}

func (r *recorder) Confirm(_ context.Context, record audit.Record) error {
	if r.held != nil {
		<-r.held
	}
	r.Note(record)
	return nil
}

func (r *recorder) Refused(record audit.Record, _, _ string) { r.Note(record) }

func (r *recorder) all() []audit.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.records)
}

// payloads are those of an action, in their order.
func payloads[T any](r *recorder) (found []T) {
	for _, record := range r.all() {
		if p, ok := record.Payload.(T); ok {
			found = append(found, p)
		}
	}
	return found
}

// tally is a transport that counts; stalled, it takes nothing more after what it is given.
type tally struct {
	conn            *relay.Conn
	mu              sync.Mutex
	bytes, messages int64
	stalled         bool
}

func (c *tally) Send(p []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += int64(len(p))
	for len(p) > 0 {
		_, p = cutFrame(p)
		c.messages++
	}
	return !c.stalled
}

func (*tally) Drop() {}
func (*tally) Cut()  {}

func (c *tally) stall(yes bool) {
	c.mu.Lock()
	c.stalled = yes
	c.mu.Unlock()
	if !yes {
		c.conn.Sent()
	}
}

func (c *tally) subscribe(channel, more string) {
	signature := auth.SignChannel(auth.Key{Key: appKey, Secret: appSecret}, c.conn.ID(), channel, nil)
	c.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q%s}}`, signature, channel, more))
}

// flushWindow is by the bubble's clock.
const flushWindow = time.Nanosecond

// recorded is a hub whose records a test looks at. It must be used in a bubble.
type recorded struct {
	*recorder
	t   *testing.T
	hub *relay.Hub
	app *auth.App
	// jobs are the rules by which it derives records.
	jobs audit.Jobs
	end  func() // ends the hub, and waits for it
}

func newRecorded(t *testing.T, held chan struct{}) *recorded {
	t.Helper()
	apps, err := auth.NewApps(auth.App{
		ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}, Logs: protocol.LogRules{{Pattern: "*log-*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &recorded{recorder: &recorder{held: held}, t: t}
	r.app, _ = apps.ByID(appID)
	if r.jobs, err = audit.ParseJobs("private-* job:started=workflow.job.start"); err != nil {
		t.Fatal(err)
	}
	r.hub = relay.New(relay.Config{
		Jobs: r.jobs, Interest: deafInterest{}, Roster: noRoster{}, Metrics: metrics.New(prometheus.NewRegistry()), Auditor: r.recorder, FlushWindow: flushWindow,
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.hub.Run(ctx) })
	r.end = func() { stop(); running.Wait() }
	return r
}

func (r *recorded) open() *tally {
	r.t.Helper()
	c := &tally{}
	_, refused := r.hub.Open(r.app, appKey, clientFacts(), func(conn *relay.Conn) relay.Transport { c.conn = conn; return c })
	if refused != nil {
		r.t.Fatal(refused)
	}
	return c
}

// publish brings as many events to a channel.
func (r *recorded) publish(channel string, n int) {
	for range n {
		r.hub.Deliver(appID, protocol.Event{Channel: channel, Name: "line", Data: strings.Repeat("x", 1000)})
	}
	r.hub.Flush()
	<-time.After(2 * flushWindow) // a worker that was quick waits with what came later
	synctest.Wait()
}

func TestTheRecordOfAConnectionsEndSaysWhatItWasSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t, nil)
		defer r.end()
		c := r.open()
		c.subscribe("private-x", "")
		r.hub.Confirmed(appID, "private-x")
		r.publish("private-x", 20)
		c.conn.Closed()
		synctest.Wait()
		closed := payloads[audit.ConnectionClose](r.recorder)
		want := []audit.ConnectionClose{{App: appID, IP: "192.0.2.7", BytesSent: c.bytes, MessagesSent: 22}}
		if diff := cmp.Diff(want, closed); diff != "" || c.messages != 22 {
			t.Errorf("(-want +got):\n%s%d messages were sent", diff, c.messages)
		}
	})
}

// A feed keeps so much for a reader that takes nothing; the rest is lost to it, and told.
func TestTheRecordOfAConnectionsEndSaysWhatWasLostToASlowClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t, nil)
		defer r.end()
		c := r.open()
		c.subscribe("private-x", "")
		r.hub.Confirmed(appID, "private-x")
		synctest.Wait()
		c.stall(true)
		const n = 20_000
		for range n / 100 {
			r.publish("private-x", 100)
		}
		c.stall(false)
		synctest.Wait()
		before := c.messages
		c.conn.Closed()
		synctest.Wait()
		closed := payloads[audit.ConnectionClose](r.recorder)
		// The greeting, the subscription and the notice of the loss are messages, too.
		if len(closed) != 1 || closed[0].Dropped == 0 || closed[0].Dropped+before != n+3 {
			t.Errorf("%+v, with %d messages sent", closed, before)
		}
	})
}

// The end of a connection that goes last is told before the hub has ended.
func TestEverySubscriptionEndsInTheRecordsBeforeItsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t, nil)
		const conns, channels = 20, 5
		clients := make([]*tally, conns)
		for i := range clients {
			clients[i] = r.open()
			for n := range channels {
				clients[i].subscribe(fmt.Sprint("private-", n), "")
			}
			clients[i].subscribe("public", "")
		}
		r.hub.Confirmed(appID, "private-0") // the others wait to be heard
		synctest.Wait()
		for _, c := range clients {
			c.conn.Closed()
		}
		r.end()
		open := map[string]int{}
		for _, record := range r.all() {
			switch record.Action {
			case audit.ActionSubscriptionGrant:
				open[record.Request.ID]++
			case audit.ActionSubscriptionEnd:
				open[record.Request.ID]--
			case audit.ActionConnectionClose:
				if open[record.Request.ID] != 0 {
					t.Errorf("a connection has ended, but %d of its subscriptions have not", open[record.Request.ID])
				}
				delete(open, record.Request.ID)
			}
		}
		grants, ends := len(payloads[audit.SubscriptionGrant](r.recorder)), len(payloads[audit.SubscriptionEnd](r.recorder))
		if len(open) != 0 || grants != conns*channels || ends != grants {
			t.Errorf("%d grants, %d ends, %d connections left", grants, ends, len(open))
		}
	})
}

// While the database is slow everybody else is served, and the client itself can be closed.
func TestAGrantThatWaitsForItsRecordHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		r := newRecorded(t, held)
		defer r.end()
		waits, other := r.open(), r.open()
		other.subscribe("x", "")
		r.hub.Confirmed(appID, "x")
		var reading sync.WaitGroup
		reading.Go(func() { waits.subscribe("private-x", "") })
		synctest.Wait()
		r.publish("x", 3)
		if other.messages != 5 {
			t.Errorf("the other client has %d messages, want 5", other.messages)
		}
		if n := len(payloads[audit.SubscriptionGrant](r.recorder)); n != 0 {
			t.Errorf("%d grants are recorded", n)
		}
		waits.conn.Close(protocol.ErrAppDisabled())
		close(held)
		reading.Wait()
		waits.conn.Closed()
		synctest.Wait()
		if n := len(payloads[audit.SubscriptionEnd](r.recorder)); n != 1 {
			t.Errorf("%d ends are recorded, want 1", n)
		}
		if got := payloads[audit.ConnectionClose](r.recorder)[0]; got.Code != 4003 || got.Reason != "Application disabled" {
			t.Errorf("got %+v", got)
		}
		other.conn.Closed()
	})
}

// The position is part of a record's id: all who derive it must have the same one.
func TestStatusEventsBecomeRecordsOfJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t, nil)
		defer r.end()
		c := r.open()
		c.subscribe("private-log-1", "")
		c.subscribe("private-x", "")
		r.hub.Confirmed(appID, "private-log-1")
		r.hub.Confirmed(appID, "private-x")
		at := protocol.Position{Epoch: "00000000000000aa", ID: protocol.ID{Offset: 1, Nonce: 7}}
		const data = `{"job_name":"test"}`
		want := map[string]bool{}
		for channel, link := range map[string]*protocol.Link{"private-log-1": {At: at}, "private-x": nil, "private-nobody": nil} {
			position := ""
			if link != nil {
				position = at.String()
			}
			if derived, ok := r.jobs.Derive(appID, channel, "job:started", data, position, time.Now()); ok && channel != "private-nobody" {
				want[derived.ID] = true
			}
			r.hub.Deliver(appID, protocol.Event{Channel: channel, Name: "job:started", Data: data, Link: link})
			r.hub.Deliver(appID, protocol.Event{Channel: channel, Name: "line", Data: data})
		}
		got := map[string]bool{}
		for _, record := range r.all() {
			if record.Action == "workflow.job.start" {
				got[record.ID] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) != 2 {
			t.Errorf("%d records are wanted (-want +got):\n%s", len(want), diff)
		}
		c.conn.Closed()
	})
}

func TestTheRecordOfAGrantSaysWhereALogIsReadFrom(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ channel, more, want string }{
		{"private-log-1", "", ""},
		{"private-log-1", `,"since":"0000000000000001:2-2"`, "0000000000000001:2-2"},
		{"private-log-1", `,"rewind":{"from":"start"}`, "the start"},
		{"private-log-1", `,"rewind":{"from":"rule"}`, ""},
		{"private-log-1", `,"rewind":{"count":7}`, "the newest 7 entries"},
		{"private-log-1", `,"rewind":{"bytes":9000}`, "the newest 9000 bytes"},
		{"private-log-1", `,"since":"nonsense"`, ""},
		{"private-live", `,"since":"0000000000000001:2-2"`, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRecorded(t, nil)
			defer r.end()
			c := r.open()
			c.subscribe(test.channel, test.more)
			want := []audit.SubscriptionGrant{{Channel: test.channel, SocketID: c.conn.ID(), From: test.want}}
			if diff := cmp.Diff(want, payloads[audit.SubscriptionGrant](r.recorder)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.more, diff)
			}
			c.conn.Closed()
		})
	}
}

func TestARecordHasTheClientsFactsAndNothingThatItSigned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRecorded(t, nil)
		defer r.end()
		c := r.open()
		data := `{"user_id":"u1","user_info":{"name":"Ann","token":"s3cret"}}`
		signature := auth.SignChannel(auth.Key{Key: appKey, Secret: appSecret}, c.conn.ID(), "presence-x", &data)
		for _, auth := range []string{signature, signature + "00", "s3cret:00", "s3cret"} {
			c.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":"presence-x","channel_data":%q}}`, auth, data))
			c.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, auth, `{"id":"s3cret"}`))
		}
		r.publish("presence-x", 1)
		c.conn.Closed()
		synctest.Wait()
		for _, record := range r.all() {
			entry, err := audit.Encode(record)
			if err != nil {
				t.Fatal(err)
			}
			line := string(entry.Line)
			if strings.Contains(line, "s3cret") || strings.Contains(line, signature[len(appKey)+1:]) || strings.Contains(line, "xxx") {
				t.Errorf("the record holds what it must not: %s", line)
			}
			if diff := cmp.Diff(map[string]string{"ip": "192.0.2.7", "origin": "https://ci.example"}, record.Metadata); diff != "" {
				t.Errorf("%s (-want +got):\n%s", record.Action, diff)
			}
		}
		if n := len(payloads[audit.SubscriptionDeny](r.recorder)); n != 3 {
			t.Errorf("%d subscriptions are denied, want 3", n)
		}
	})
}
