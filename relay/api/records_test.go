package api_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// trail keeps records. After away nothing can be confirmed.
type trail struct {
	mu        sync.Mutex
	noted     []audit.Record
	confirmed []audit.Record
	refused   []audit.Record
	samples   []string // reasons and addresses
	away      error
}

func (a *trail) Note(r audit.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noted = append(a.noted, r)
}

func (a *trail) Confirm(_ context.Context, r audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away == nil {
		a.confirmed = append(a.confirmed, r)
	}
	return a.away
}

func (a *trail) Refused(r audit.Record, reason, address string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused = append(a.refused, r)
	a.samples = append(a.samples, reason+" "+address)
}

// audited is a backend whose calls become records, and whose app has these limits.
func audited(t *testing.T, change func(*protocol.Limits)) (*backend, *trail) {
	t.Helper()
	b, _ := limited(t, change)
	a := &trail{}
	b.Auditor = a
	return b, a
}

func same(*protocol.Limits) {}

// expectRecords compares records, but for what is made up anew.
func expectRecords(t *testing.T, want, got []audit.Record) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(audit.Record{}, "ID", "Version", "OccurredAt", "Request")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range got {
		if _, err := audit.Encode(r); err != nil {
			t.Errorf("%s: %v", r.Action, err)
		}
	}
}

func TestCallsThatMayNotPublishAreRecorded(t *testing.T) {
	t.Parallel()
	const path = "/apps/3/events"
	wrong := strings.Replace(signed(http.MethodPost, path, event, ""), "auth_signature=", "auth_signature=00", 1)
	old := fmt.Sprintf("%s?auth_key=%s&auth_timestamp=1&auth_version=1.0&auth_signature=s3cret", path, key)
	large := `{"name":"x","channel":"c","data":"` + strings.Repeat("x", 2000) + `"}`
	for cause, test := range map[string]struct {
		target, body string
		status       int
	}{
		"wrong signature": {wrong, event, http.StatusUnauthorized},
		"clock skew":      {old, event, http.StatusUnauthorized},
		"wrong body_md5":  {signed(http.MethodPost, path, event, ""), event + " ", http.StatusUnauthorized},
		"too large":       {signed(http.MethodPost, path, large, ""), large, http.StatusRequestEntityTooLarge},
	} {
		b, a := audited(t, func(l *protocol.Limits) { l.Data = 1000 })
		if got := b.do(t, http.MethodPost, test.target, test.body); got.Code != test.status {
			t.Errorf("%s: %d %s", cause, got.Code, got.Body)
		}
		expectRecords(t, []audit.Record{{
			Action: audit.ActionPublishDeny, Actor: audit.Entity{ID: key, Type: "key"},
			Target: audit.Entity{ID: "3", Type: "app"}, Scope: audit.Entity{ID: "3", Type: "app"},
			Payload:  audit.PublishDeny{Key: key, Status: test.status, Reason: cause, Bytes: int64(len(test.body)), Count: 1},
			Metadata: map[string]string{},
		}}, a.refused)
		if !slices.Equal(a.samples, []string{cause + " "}) {
			t.Errorf("sampled as %q", a.samples)
		}
	}
}

func TestAnAppThatPublishesTooMuchIsRecorded(t *testing.T) {
	t.Parallel()
	b, a := audited(t, func(l *protocol.Limits) { l.Publishes = 1 })
	b.publishOne(t)
	expectLimited(t, b.publishOne(t))
	if len(a.refused) != 1 || a.refused[0].Payload.(audit.PublishDeny).Reason != "rate" {
		t.Errorf("got %+v", a.refused)
	}
}

// Calls that are wrong in what they say, or only read, are no matter for a trail.
func TestCallsThatAreMerelyWrongAreNotRecorded(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	b.post(t, "events", "{}")
	b.do(t, http.MethodGet, "/apps/3/channels?auth_key=x", "")
	b.do(t, http.MethodPost, "/apps/3/nothing", "{}")
	if n := len(a.refused) + len(a.noted) + len(a.confirmed); n != 0 {
		t.Errorf("%d records: %+v", n, a)
	}
}

// What a caller made up is cut, and says where it came from.
func TestWhoNamesNoKeyIsItsAddress(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	b.from(t, "203.0.113.9:99", "/apps/nobody/events")
	b.from(t, "203.0.113.9:99", "/apps/3/events?auth_key="+strings.Repeat("k", 5000)+"%00")
	if len(a.refused) != 2 {
		t.Fatalf("%d records", len(a.refused))
	}
	if diff := cmp.Diff(audit.Entity{ID: "203.0.113.9", Type: "address"}, a.refused[0].Actor); diff != "" || a.refused[0].Scope.ID != "nobody" {
		t.Errorf("%+v (-want +got):\n%s", a.refused[0], diff)
	}
	if got := a.refused[1]; got.Actor.ID != strings.Repeat("k", 300) || got.Metadata["ip"] != "203.0.113.9" {
		t.Errorf("got %+v", got)
	}
}

func termination(user string, success bool, metadata map[string]string) audit.Record {
	return audit.Record{
		Action: audit.ActionUserTerminate, Actor: audit.Entity{ID: key, Type: "key"}, Target: audit.Entity{ID: user, Type: "user"},
		Scope: audit.Entity{ID: "3", Type: "app"}, Payload: audit.Terminate{User: user}, Metadata: metadata, Success: success,
	}
}

func TestWhoseConnectionsAreEndedIsRecordedBefore(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	if status, text := b.terminate(t, "u1", "u1", ""); status != http.StatusOK || len(b.ended) != 1 {
		t.Errorf("%d %s", status, text)
	}
	expectRecords(t, []audit.Record{termination("u1", true, map[string]string{})}, a.confirmed)

	b.away = errAway
	b.terminate(t, "u2", "u2", "")
	expectRecords(t, []audit.Record{termination("u2", false, map[string]string{})}, a.noted)

	b.terminate(t, "u3", "u4", "")
	expectRecords(t, []audit.Record{termination("u3", false, map[string]string{"reason": "wrong signature"})}, a.refused)
}

func TestNobodyIsEndedWhereThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	a.away = errors.New("the database of s3cret is away")
	status, text := b.terminate(t, "u1", "u1", "")
	if want := "audit: the call could not be recorded, so nothing was done; try again\n"; status != http.StatusServiceUnavailable || text != want {
		t.Errorf("%d %s", status, text)
	}
	if len(b.ended) != 0 {
		t.Errorf("%q were ended", b.ended)
	}
}

func TestPublishedStatusEventsBecomeRecordsOfJobs(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	jobs, err := audit.ParseJobs("private-* job:started=workflow.job.start")
	if err != nil {
		t.Fatal(err)
	}
	b.Jobs = jobs
	at := protocol.Position{Epoch: "00000000000000aa", ID: protocol.ID{Offset: 1, Nonce: 1}}
	const data = `{"job_name":"test"}`
	for _, position := range []protocol.Position{{}, at} {
		b.receipt = protocol.Receipt{Positions: []protocol.Position{position}}
		text := ""
		if position == at {
			text = at.String()
		}
		want, ok := jobs.Derive("3", "private-x", "job:started", data, text, fixedNow())
		if !ok {
			t.Fatal("the rule derives nothing")
		}
		a.noted = nil
		b.post(t, "events", fmt.Sprintf(`{"name":"job:started","channel":"private-x","data":%q}`, data))
		if diff := cmp.Diff([]audit.Record{want}, a.noted); diff != "" {
			t.Errorf("at %q (-want +got):\n%s", text, diff)
		}
	}
	a.noted, b.fails = nil, errAway
	b.post(t, "events", fmt.Sprintf(`{"name":"job:started","channel":"private-x","data":%q}`, data))
	if len(a.noted) != 0 {
		t.Errorf("an event that was not published is recorded: %+v", a.noted)
	}
}

// Whatever is published on log channels is told in sums.
func TestWhatIsPublishedOnLogsIsRecordedInSums(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, a := audited(t, same)
		logs := protocol.LogRules{{Pattern: "private-*"}}
		if err := b.Apps.Replace(auth.App{ID: "3", Keys: []auth.Key{{Key: key, Secret: secret}}, Logs: logs}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b.Now = func() time.Time { return time.Unix(now, 0).Add(time.Since(began)) }
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.Run(ctx) })
		sums := func() map[string]audit.PublishSummary {
			a.mu.Lock()
			defer a.mu.Unlock()
			found := map[string]audit.PublishSummary{}
			for _, r := range a.noted {
				p := r.Payload.(audit.PublishSummary)
				found[p.Channel] = p
			}
			a.noted = nil
			return found
		}
		publish := func(channel, more string) {
			b.receipt = protocol.Receipt{Positions: make([]protocol.Position, 1)}
			if logs.Find(channel) != nil {
				b.receipt.Positions[0] = protocol.Position{Epoch: "00000000000000aa", ID: protocol.ID{Offset: 1, Nonce: 1}}
			}
			if status, text := b.post(t, "events", fmt.Sprintf(`{"name":"x","channel":%q,"data":"four"%s}`, channel, more)); status != http.StatusOK {
				t.Fatalf("%d %s", status, text)
			}
		}
		for range 3 {
			publish("private-1", "")
			publish("private-2", "")
			publish("live", "")
		}
		publish("private-2", `,"final":true`)
		want := map[string]audit.PublishSummary{"private-2": {Channel: "private-2", Messages: 4, Bytes: 16}}
		if diff := cmp.Diff(want, sums()); diff != "" {
			t.Errorf("at the end of a log (-want +got):\n%s", diff)
		}
		<-time.After(4 * time.Minute)
		publish("private-1", "")
		<-time.After(30 * time.Second)
		if got := sums(); len(got) != 0 {
			t.Errorf("before five minutes: %v", got)
		}
		<-time.After(time.Minute)
		want = map[string]audit.PublishSummary{"private-1": {Channel: "private-1", Messages: 4, Bytes: 16}}
		if diff := cmp.Diff(want, sums()); diff != "" {
			t.Errorf("after five minutes (-want +got):\n%s", diff)
		}
		publish("private-1", "")
		publish("private-3", "")
		stop()
		running.Wait()
		if got := slices.Sorted(maps.Keys(sums())); !slices.Equal(got, []string{"private-1", "private-3"}) {
			t.Errorf("when the node ends: %q", got)
		}
	})
}
