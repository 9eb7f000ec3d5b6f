package webhook_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay/audit"
)

// trail keeps records.
type trail struct {
	mu      sync.Mutex
	records []audit.Record
}

func (a *trail) Note(r audit.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, r)
}

func (a *trail) all() []audit.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records
}

func TestWhatIsGivenUpIsRecordedWithoutTheURL(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusServiceUnavailable))
		r.put(on("a"), on("b"), on("c"))
		pass(5*time.Minute + 2*time.Second)
		records := r.trail.all()
		if len(records) != 1 {
			t.Fatalf("%d records: %+v", len(records), records)
		}
		got := records[0].Payload.(audit.WebhookFail)
		if got.Attempts < 5 {
			t.Errorf("%d attempts", got.Attempts)
		}
		got.Attempts = 0
		if diff := cmp.Diff(audit.WebhookFail{Host: "ci.example.com", Events: 3, Reason: "status 503"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		entry, err := audit.Encode(records[0])
		if err != nil || records[0].Success || records[0].Scope.ID != "1" {
			t.Errorf("%+v: %v", records[0], err)
		}
		if strings.Contains(string(entry.Line), "hunter2") {
			t.Errorf("the record holds what the URL keeps secret: %s", entry.Line)
		}
	}, auth.Webhook{URL: target})
}

func TestWhatIsGivenUpIsRecordedOnceAMinuteAndAtTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusServiceUnavailable))
		for range 30 {
			r.put(on("a"))
			pass(5 * time.Second)
		}
		pass(5 * time.Minute)
		r.stop()
		events := 0
		for _, record := range r.trail.all() {
			events += record.Payload.(audit.WebhookFail).Events
		}
		if n := len(r.trail.all()); n < 2 || n > 4 || events != 30 {
			t.Errorf("%d records of %d events", n, events)
		}
	}, auth.Webhook{URL: target})
}

func TestWhatIsToldIsNotRecorded(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.put(on("a"))
		pass(time.Minute)
		r.stop()
		if len(r.made("")) != 1 || len(r.trail.all()) != 0 {
			t.Errorf("%d requests, %d records", len(r.made("")), len(r.trail.all()))
		}
	}, auth.Webhook{URL: target})
}
