package inbox_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

var errDown = errors.New("the database is down")

func down([]audit.Record) error { return errDown }

func TestReportsComeToTheTrailAndLeaveTheStream(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		add(t, client, report("before")) // nodes come later, and make the group
		n := start(t, url, &sink{})
		const id, at = "0f2cbf34-1a53-4e4f-9a5b-6a5d5e0f6a01", "2026-11-29T01:02:03.123456789Z"
		add(t, client, `{"action":"context.create","actor":{"id":"u","type":"user","name":"Ada"},"target":{"id":"c","type":"context"},`+
			`"payload":{"context_name":"c"},"occurred_at":"`+at+`","metadata":{"ip":"192.0.2.1"},"id":"`+id+`","version":1,`+
			`"scope":{"id":"o","type":"organization"},"success":false,"request":{"id":"r"}}`)
		expect(t, n.sink, "before", "c")
		expectEmpty(t, client)
		got := n.all()[1]
		occurred, _ := time.Parse(time.RFC3339Nano, at)
		if got.ID != id || !got.OccurredAt.Equal(occurred) || got.Success || got.Request.ID != "r" || got.Scope.ID != "o" {
			t.Errorf("kept %+v", got)
		}
		if written := n.all()[0].OccurredAt; time.Since(written) > time.Minute || time.Since(written) < 0 {
			t.Errorf("what says no time occurred at %v", written)
		}
		n.stop()
		if kept := testutil.ToFloat64(n.metrics.AuditReports.WithLabelValues("redis", "kept")); kept != 2 {
			t.Errorf("counted %v as kept", kept)
		}
	})
}

func TestNodesShareTheStreamWithoutLossOrDoubles(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, shared := relaytest.RedisClient(t, url), &sink{}
		first, second := start(t, url, shared), start(t, url, shared)
		var want []string
		for i := range 1000 {
			want = append(want, fmt.Sprintf("%04d", i))
			add(t, client, report(want[i]))
		}
		expect(t, shared, want...)
		expectEmpty(t, client)
		if again := shared.twice(); len(again) > 0 {
			t.Errorf("came twice: %q", again)
		}
		if first.said("level=WARN")+second.said("level=WARN") > 0 {
			t.Errorf("the logs say:\n%s%s", first.log.String(), second.log.String())
		}
	})
}

// A node that was killed leaves entries lying that it took. Its name does not matter.
func TestWhatAKilledNodeTookAnotherTakes(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		var want []string
		for i := range 250 {
			want = append(want, fmt.Sprintf("%03d", i))
			add(t, client, report(want[i]))
		}
		client.XGroupCreate(t.Context(), stream, "relay", "0")
		for _, consumer := range []string{"nodes", "somebody"} {
			take := &redis.XReadGroupArgs{Group: "relay", Consumer: consumer, Streams: []string{stream, ">"}, Count: 110}
			if err := client.XReadGroup(t.Context(), take).Err(); err != nil {
				t.Fatal(err)
			}
		}
		n := start(t, url, &sink{}, idle(1100*time.Millisecond))
		expect(t, n.sink, want[220:]...)
		relaytest.Eventually(t, "what was left lying is taken", func() bool { return len(n.all()) == 250 })
		expectEmpty(t, client)
	})
}

// While the trail takes nothing, nothing leaves the stream, and little is taken from it.
func TestNothingIsRemovedThatTheTrailDoesNotHave(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, s := relaytest.RedisClient(t, url), &sink{}
		s.fail(down)
		n := start(t, url, s)
		var want []string
		for i := range 300 {
			want = append(want, fmt.Sprintf("%03d", i))
			add(t, client, report(want[i]))
		}
		relaytest.Eventually(t, "it was tried again", func() bool { return s.tried() > 3 })
		pending, err := client.XPending(t.Context(), stream, "relay").Result()
		if err != nil || pending.Count > 10 {
			t.Errorf("%+v, %v are in hand", pending, err)
		}
		if left := client.XLen(t.Context(), stream).Val(); left != 300 {
			t.Errorf("%d are left", left)
		}
		if warned := n.said("cannot be read or kept, trying again"); warned != 1 || n.said(errDown.Error()) != 1 {
			t.Errorf("warned %d times:\n%s", warned, n.log.String())
		}
		s.fail(nil)
		expect(t, s, want...)
		expectEmpty(t, client)
		if n.said("are read again") != 1 {
			t.Errorf("the log says:\n%s", n.log.String())
		}
	})
}

// One node's disk is full; what it took another keeps, and it takes one at a time only.
func TestWhatOneTrailDoesNotKeepAnotherDoes(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, full, well := relaytest.RedisClient(t, url), &sink{}, &sink{}
		full.fail(down)
		a := start(t, url, full, idle(1500*time.Millisecond))
		var want []string
		for i := range 150 {
			want = append(want, fmt.Sprintf("%03d", i))
			add(t, client, report(want[i]))
		}
		relaytest.Eventually(t, "the first has some in hand", func() bool { return full.tried() > 0 })
		start(t, url, well, idle(1500*time.Millisecond))
		expect(t, well, want...)
		expectEmpty(t, client)
		add(t, client, report("x")) // whoever gets it
		expect(t, well, append(want, "x")...)
		if a.said("are read again") > 0 {
			t.Errorf("the node with the full disk says that it works:\n%s", a.log.String())
		}
	})
}

// Who stops while it is told something finishes that.
func TestANodeThatStopsFinishesWhatItHasInHand(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, s := relaytest.RedisClient(t, url), &sink{}
		began, goOn := make(chan struct{}), make(chan struct{})
		s.fail(func([]audit.Record) error {
			close(began)
			<-goOn
			return nil
		})
		n := start(t, url, s)
		add(t, client, report("a"))
		<-began
		stopped := make(chan struct{})
		// The test waits for it, by stopped.
		go func() { n.stop(); close(stopped) }()
		select {
		case <-stopped:
			t.Error("it did not wait for the trail")
		case <-time.After(50 * time.Millisecond):
		}
		close(goOn)
		<-stopped
		expect(t, s, "a")
		expectEmpty(t, client)
	})
}

func TestTheSameReportHasTheSameIDWhoeverTakesIt(t *testing.T) {
	t.Parallel()
	server, ids := relaytest.StartRedis(t), map[string]bool{}
	for range 2 {
		server.Client().FlushAll(t.Context())
		s := &sink{}
		n := start(t, server.URL(), s)
		entry := &redis.XAddArgs{Stream: stream, ID: "1700000000000-7", Values: []string{"record", report("a")}}
		bad := &redis.XAddArgs{Stream: stream, ID: "1700000000000-8", Values: []string{"record", "bad"}}
		for _, e := range []*redis.XAddArgs{entry, bad} {
			if err := server.Client().XAdd(t.Context(), e).Err(); err != nil {
				t.Fatal(err)
			}
		}
		expectEmpty(t, server.Client())
		relaytest.Eventually(t, "both are kept", func() bool { return len(s.all()) == 2 })
		for _, r := range s.all() {
			ids[r.ID] = true
			if age := time.Since(r.OccurredAt); age > time.Minute {
				t.Errorf("an id that somebody chose is taken for a time: %v", r.OccurredAt)
			}
		}
		n.stop()
	}
	if len(ids) != 2 {
		t.Errorf("two records have the ids %v", ids)
	}
}

// The records of refused entries, without what differs each time.
func refusalsOf(records []audit.Record) (payloads []audit.AuditRefuse) {
	for _, r := range records {
		if r.Action == audit.ActionAuditRefuse && !r.Success && r.Actor.ID == stream {
			payloads = append(payloads, r.Payload.(audit.AuditRefuse))
		}
	}
	return payloads
}

// What is no record ends in the refused stream with the reason, is recorded, and holds up
// nothing.
func TestEntriesThatAreNoRecordsAreRefused(t *testing.T) {
	const oneField = `an entry has one field, "record", which is the record as JSON, and no other`
	secret := strings.Replace(report("s"), `"actor"`, `"payload":{"password":"S3CRET"},"actor"`, 1)
	poison := map[string]struct {
		values []string
		reason string // begins it; "" is any
	}{
		"no JSON":             {[]string{"record", "{"}, ""},
		"an empty text":       {[]string{"record", ""}, ""},
		"no record":           {[]string{"x", report("x")}, oneField},
		"another name":        {[]string{"Record", report("x")}, oneField},
		"one field too many":  {[]string{"record", report("x"), "x", "y"}, oneField},
		"two records":         {[]string{"record", report("x"), "record", report("y")}, oneField},
		"bytes":               {[]string{"record", strings.Replace(report("x"), `"u"`, "\"\xff\"", 1)}, ""},
		"a line end":          {[]string{"record", strings.Replace(report("x"), `"u"`, "\"\n\"", 1)}, ""},
		"an escaped line end": {[]string{"record", strings.Replace(report("x"), `"u"`, `"\n"`, 1)}, ""},
		"a NUL":               {[]string{"record", strings.Replace(report("x"), `"u"`, `"\u0000"`, 1)}, ""},
		"the relay's action":  {[]string{"record", strings.Replace(report("x"), "user.logged_in", "relay.audit.gap", 1)}, ""},
		"a huge one":          {[]string{"record", strings.Replace(report("x"), `"u"`, `"`+strings.Repeat("u", 1<<20)+`"`, 1)}, ""},
		"many members":        {[]string{"record", "[" + strings.Repeat("[", 100_000)}, ""},
		"a secret":            {[]string{"record", secret}, "payload.password"},
	}
	eachRedis(t, func(t *testing.T, url string) {
		client, s := relaytest.RedisClient(t, url), &sink{}
		n := start(t, url, s)
		for name, p := range poison {
			t.Run(name, func(t *testing.T) {
				client.Del(t.Context(), refused)
				before, good := len(refusalsOf(s.all())), targets(s.all())
				add(t, client, report("good "+name+" 1"))
				if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: p.values}).Err(); err != nil {
					t.Fatal(err)
				}
				add(t, client, report("good "+name+" 2"))
				expect(t, s, append(good, "good "+name+" 1", "good "+name+" 2")...)
				expectEmpty(t, client)
				if after := len(refusalsOf(s.all())); after != before+1 {
					t.Errorf("%d refusals are recorded, want one", after-before)
				}
				aside := client.XRange(t.Context(), refused, "-", "+").Val()
				if len(aside) != 1 {
					t.Fatalf("put aside: %v", aside)
				}
				got := aside[0].Values
				text := ""
				if len(p.values) == 2 && p.values[0] == "record" {
					text = p.values[1]
				}
				reason := got["reason"].(string)
				if !strings.HasPrefix(reason, p.reason) || reason == "" || got["bytes"] != fmt.Sprint(len(text)) || got["record"] != text[:min(len(text), 4096)] {
					t.Errorf("put aside: %.300q", got)
				}
				if keep := client.TTL(t.Context(), refused).Val(); keep <= 0 {
					t.Error("it is kept for ever")
				}
			})
		}
		for _, r := range s.all() {
			if entry, err := audit.Encode(r); err != nil || strings.Contains(string(entry.Line), "S3CRET") {
				t.Errorf("recorded: %s, %v", entry.Line, err)
			}
		}
		n.stop()
		if n := testutil.ToFloat64(n.metrics.AuditReports.WithLabelValues("redis", "refused")); n != float64(len(poison)) {
			t.Errorf("counted %v as refused", n)
		}
	})
}

// A flood of what is no record costs the trail one record for each reason that a node finds
// at once, and Redis some thousand entries.
func TestAFloodOfRefusedEntriesIsCounted(t *testing.T) {
	t.Parallel()
	server, s := relaytest.StartRedis(t), &sink{}
	_, err := server.Client().Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
		for range 3000 {
			pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"record", strings.Repeat("x", 5000)}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	start(t, server.URL(), s, idle(1500*time.Millisecond))
	expectEmpty(t, server.Client())
	var want, got audit.AuditRefuse
	want = audit.AuditRefuse{Bytes: 3000 * 5000, Count: 3000}
	records := refusalsOf(s.all())
	for _, r := range records {
		got.Bytes += r.Bytes
		got.Count += r.Count
	}
	if diff := cmp.Diff(want, got); diff != "" || len(records) > 60 {
		t.Errorf("%d records (-want +got):\n%s", len(records), diff)
	}
	if n := server.Client().XLen(t.Context(), refused).Val(); n < 1000 || n > 1200 {
		t.Errorf("%d are put aside", n)
	}
}

// What is large is taken in small numbers.
func TestLargeEntriesAreTakenFewAtATime(t *testing.T) {
	t.Parallel()
	server, s := relaytest.StartRedis(t), &sink{}
	for range 130 {
		add(t, server.Client(), strings.Repeat("x", 200<<10))
	}
	start(t, server.URL(), s, idle(1500*time.Millisecond))
	expectEmpty(t, server.Client())
	all := 0
	for _, r := range refusalsOf(s.all()) {
		if all += r.Count; r.Count > 20 {
			t.Errorf("%d were taken at once, which is more than 4 MiB", r.Count)
		}
	}
	if all != 130 {
		t.Errorf("%d were refused", all)
	}
}
