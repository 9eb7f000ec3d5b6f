package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// reports are records that were kept, call by call. As an auditor it has what was refused.
type reports struct {
	kept  [][]audit.Record
	fails error

	mu      sync.Mutex
	refused []audit.Record
}

func (r *reports) Keep(_ context.Context, records []audit.Record) error {
	r.kept = append(r.kept, records)
	return r.fails
}

func (r *reports) Note(audit.Record)                           {}
func (r *reports) Confirm(context.Context, audit.Record) error { return nil }

func (r *reports) Refused(record audit.Record, _, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refused = append(r.refused, record)
}

// withReports is a backend with an audit trail.
func withReports(t *testing.T) (*backend, *reports) {
	t.Helper()
	b, r := newBackend(t), &reports{}
	b.Reports, b.Auditor = r, r
	return b, r
}

// loggedIn is a record about a user, with further members.
func loggedIn(user, members string) string {
	return fmt.Sprintf(`{"action":"user.logged_in","actor":{"id":%q,"type":"user"},"target":{"id":%q,"type":"user"}%s}`, user, user, members)
}

// idsOf reads the answer to a report.
func idsOf(t *testing.T, text string) []string {
	t.Helper()
	var answer map[string][]string
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return answer["ids"]
}

func TestAReportedRecordIsKeptAndNamed(t *testing.T) {
	t.Parallel()
	const id = "0f2cbf34-1a53-4e4f-9a5b-6a5d5e0f6a01"
	for name, body := range map[string]string{
		"alone":     loggedIn("u", `,"id":"`+id+`","request":{"id":"r"},"scope":{"id":"o","type":"organization"},"success":false`),
		"in a list": `{"records":[` + loggedIn("u", `,"id":"`+id+`","request":{"id":"r"},"scope":{"id":"o","type":"organization"},"success":false`) + `]}`,
	} {
		b, r := withReports(t)
		status, text := b.post(t, "audit", body)
		if status != http.StatusOK || text != `{"ids":["`+id+`"]}`+"\n" {
			t.Fatalf("%s: %d %s", name, status, text)
		}
		want := [][]audit.Record{{{
			Action: "user.logged_in", Actor: audit.Entity{ID: "u", Type: "user"}, Target: audit.Entity{ID: "u", Type: "user"},
			Payload: json.RawMessage("{}"), OccurredAt: time.Unix(now, 0).UTC(), Metadata: map[string]string{}, ID: id, Version: 1,
			Scope: audit.Entity{ID: "o", Type: "organization"}, Request: audit.Request{ID: "r"},
		}}}
		if diff := cmp.Diff(want, r.kept); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatAReportDoesNotSayTheCallDoes(t *testing.T) {
	t.Parallel()
	b, r := withReports(t)
	_, text := b.post(t, "audit", `{"records":[`+loggedIn("u", "")+","+loggedIn("v", "")+`]}`)
	ids := idsOf(t, text)
	if len(ids) != 2 || len(r.kept) != 1 || len(r.kept[0]) != 2 {
		t.Fatalf("%s, kept %v", text, r.kept)
	}
	for i, got := range r.kept[0] {
		if got.ID != ids[i] || got.ID == "" || got.Scope != (audit.Entity{ID: "3", Type: "app"}) || got.Request.ID == "" || got.Request.ID == got.ID || !got.Success {
			t.Errorf("kept %+v, answered %q", got, ids[i])
		}
		if entry, err := audit.Encode(got); err != nil {
			t.Errorf("%s, %v", entry.Line, err)
		}
	}
	if ids[0] == ids[1] {
		t.Error("two records have one id")
	}
}

// reportWith reports with a header.
func (b *backend) reportWith(t *testing.T, name, value, body string) (status int, text string) {
	t.Helper()
	target := signed(http.MethodPost, "/apps/3/audit", body, "")
	request := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	request.Header.Set(name, value)
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

// A call that is tried again is one report, whatever became of the first try.
func TestAReportThatIsTriedAgainHasTheSameIDs(t *testing.T) {
	t.Parallel()
	two := `{"records":[` + loggedIn("u", "") + "," + loggedIn("u", "") + `]}`
	b, _ := withReports(t)
	report := func(key, body string) []string {
		status, text := b.reportWith(t, "Idempotency-Key", key, body)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		return idsOf(t, text)
	}
	first := report("k", two)
	if first[0] == first[1] {
		t.Error("two records have one id")
	}
	if diff := cmp.Diff(first, report("k", two)); diff != "" {
		t.Errorf("tried again (-want +got):\n%s", diff)
	}
	for name, other := range map[string][]string{
		"another key": report("l", two), "another body": report("k", `{"records":[`+loggedIn("u", "")+`]}`),
	} {
		if other[0] == first[0] {
			t.Errorf("%s has the same id", name)
		}
	}
}

func TestTheIDOfTheRequestIsThatOfTheProxy(t *testing.T) {
	t.Parallel()
	b, r := withReports(t)
	for given, want := range map[string]string{"req-1.A_b": "req-1.A_b", "a b": "", strings.Repeat("x", 65): "", "é": ""} {
		r.kept = nil
		if status, text := b.reportWith(t, "X-Request-Id", given, loggedIn("u", "")); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		if got := r.kept[0][0].Request.ID; got != want && want != "" || got == "" || want == "" && got == given {
			t.Errorf("%q becomes %q", given, got)
		}
	}
}

// All or nothing: the error names the record, the member and what is allowed, and what was
// refused is recorded.
func TestReportsAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	good := loggedIn("u", "")
	secret := `{"action":"context.env_var.store","actor":{"id":"u","type":"user"},"target":{"id":"c","type":"context"},` +
		`"payload":{"context_name":"c","environment_variable_name":"TOKEN","value":"S3CRET"}}`
	for name, tt := range map[string]struct {
		body string
		want []string // what the answer says
	}{
		"nothing":                   {"", []string{`the body must be a record, or {"records":[…]}`}},
		"no JSON":                   {"{", []string{`the body must be a record, or {"records":[…]}`}},
		"a list alone":              {"[" + good + "]", []string{`the body must be a record, or {"records":[…]}`}},
		"a text":                    {`"x"`, []string{`the body must be a record, or {"records":[…]}`}},
		"no list":                   {`{"records":` + good + `}`, []string{"records must be a list of records"}},
		"no records":                {`{"records":[]}`, []string{"1 to 100 records, not 0"}},
		"too many":                  {`{"records":[` + strings.Repeat(good+",", 100) + good + `]}`, []string{"1 to 100 records, not 101"}},
		"another name":              {`{"Records":[` + good + `]}`, []string{`must be written "records"`}},
		"two lists":                 {`{"records":[` + good + `],"records":[]}`, []string{"comes twice"}},
		"something beside":          {`{"records":[` + good + `],"x":1}`, []string{"beside records there must be nothing"}},
		"none":                      {`{"records":null}`, []string{"records"}},
		"an empty object":           {"{}", []string{"action"}},
		"null in a list":            {`{"records":[` + good + `,null]}`, []string{"record 1: "}},
		"the relay's action":        {strings.Replace(good, "user.logged_in", "relay.audit.gap", 1), []string{"action", "relay."}},
		"another app's":             {loggedIn("u", `,"scope":{"id":"4","type":"app"}`), []string{"scope", "another app than 3"}},
		"a bad one behind good":     {`{"records":[` + good + "," + good + "," + loggedIn("u", `,"id":"7"`) + `]}`, []string{"record 2: ", "id", "UUID"}},
		"an unknown member":         {loggedIn("u", `,"surprise":1`), []string{"surprise"}},
		"a variable's value":        {secret, []string{"payload.value", "context_name, environment_variable_name"}},
		"a variable's value beside": {`{"records":[` + good + "," + secret + `]}`, []string{"record 1: ", "payload.value"}},
		"a huge one":                {loggedIn("u", `,"metadata":{"a":"`+strings.Repeat("x", 100_000)+`"}`), []string{"32768 bytes"}},
	} {
		b, r := withReports(t)
		status, text := b.post(t, "audit", tt.body)
		if status != http.StatusBadRequest || len(r.kept) > 0 || strings.Contains(text, "S3CRET") {
			t.Errorf("%s: %d %s, kept %v", name, status, text, r.kept)
		}
		for _, part := range tt.want {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q says nothing of %q", name, text, part)
			}
		}
		if len(r.refused) != 1 || r.refused[0].Success || r.refused[0].Action != audit.ActionAuditRefuse || r.refused[0].Actor != (audit.Entity{ID: key, Type: "key"}) {
			t.Fatalf("%s: recorded %+v", name, r.refused)
		}
		if line, err := audit.Encode(r.refused[0]); err != nil || strings.Contains(string(line.Line), "S3CRET") {
			t.Errorf("%s: recorded %s, %v", name, line.Line, err)
		}
		if n := testutil.ToFloat64(b.Metrics.AuditReports.WithLabelValues("http", "kept")); n != 0 {
			t.Errorf("%s: counted %v as kept", name, n)
		}
	}
}

func TestReportsAreNotAcceptedWithoutASignature(t *testing.T) {
	t.Parallel()
	b, r := withReports(t)
	body := loggedIn("u", "")
	target := signed(http.MethodPost, "/apps/3/audit", body, "")
	forged := map[string]struct {
		target, body string
		want         int
	}{
		"none":              {"/apps/3/audit", body, http.StatusUnauthorized},
		"of another record": {target, loggedIn("v", ""), http.StatusUnauthorized},
		"of another app":    {strings.Replace(target, "/3/", "/4/", 1), body, http.StatusUnauthorized},
		"of another call":   {strings.Replace(target, "/audit", "/events", 1), body, http.StatusUnauthorized},
	}
	for name, f := range forged {
		if got := b.do(t, http.MethodPost, f.target, f.body); got.Code != f.want || len(r.kept) > 0 {
			t.Errorf("%s: %d %s, kept %v", name, got.Code, got.Body, r.kept)
		}
	}
	if got := b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/audit", "", ""), ""); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("reading: %d %s", got.Code, got.Body)
	}
}

func TestReportsNeedATrail(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	if status, text := b.post(t, "audit", loggedIn("u", "")); status != http.StatusNotFound || text != "no audit trail is kept\n" {
		t.Errorf("%d %s", status, text)
	}
}

func TestReportsThatCannotBeKeptAreToBeTriedAgain(t *testing.T) {
	t.Parallel()
	b, r := withReports(t)
	r.fails = errors.New("the disk is full")
	status, text := b.post(t, "audit", loggedIn("u", ""))
	if status != http.StatusServiceUnavailable || text != "audit: the records could not be kept, try again\n" {
		t.Errorf("%d %s", status, text)
	}
	if n := testutil.ToFloat64(b.Metrics.AuditReports.WithLabelValues("http", "kept")); n != 0 {
		t.Errorf("counted %v as kept", n)
	}
}

func TestReportsCountAsWhatAnAppPublishes(t *testing.T) {
	t.Parallel()
	b, _ := limited(t, func(l *protocol.Limits) { l.Publishes = 2 })
	r := &reports{}
	b.Reports = r
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		if status, text := b.post(t, "audit", `{"records":[`+loggedIn("u", "")+","+loggedIn("u", "")+`]}`); status != want {
			t.Errorf("call %d: %d %s", i, status, text)
		}
	}
	if len(r.kept) != 1 {
		t.Errorf("kept %v", r.kept)
	}
}
