package audit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

const buildRules = "private-build-* job:started=workflow.job.start job:finished=workflow.job.finish"

func jobsAt() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 5, time.UTC) }

func parseJobs(t testing.TB, text string) audit.Jobs {
	t.Helper()
	jobs, err := audit.ParseJobs(text)
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestAStatusEventBecomesARecordOfItsJob(t *testing.T) {
	t.Parallel()
	const data = `{"id":"j-7","name":"lint","number":41,"status":"running","workflow":{"id":"w-1","name":"build","token":"S3CRET"},` +
		`"user":{"id":"u-1","name":"Ada","email":"S3CRET"},"env":{"TOKEN":"S3CRET"},"log":"S3CRET"}`
	got, ok := parseJobs(t, buildRules).Derive("1", "private-build-7", "job:started", data, "0123456789abcdef:7-9", jobsAt())
	if !ok {
		t.Fatal("no record")
	}
	want := audit.Record{
		Action: "workflow.job.start",
		Actor:  audit.Entity{ID: "u-1", Type: "user", Name: "Ada"},
		Target: audit.Entity{ID: "j-7", Type: "job", Name: "lint"},
		Payload: audit.Job{
			Name: "lint", ID: "j-7", Number: 41, Status: "running", WorkflowID: "w-1", WorkflowName: "build",
		},
		OccurredAt: jobsAt(),
		Metadata:   map[string]string{"channel": "private-build-7", "event": "job:started", "position": "0123456789abcdef:7-9"},
		ID:         got.ID, Version: 1, Success: true,
		Scope:   audit.Entity{ID: "1", Type: "app"},
		Request: audit.Request{ID: got.ID},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
	entry, err := audit.Encode(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(entry.Line), "S3CRET") {
		t.Errorf("more was copied than the names: %s", entry.Line)
	}
}

// Loaders take the same schema from the backend.
func TestADerivedRecordIsOneThatABackendCouldReport(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"id":"j-7","name":"lint","number":"41","status":"ok","workflow":{"id":1,"name":"b"},"user":{"id":2}}`, `{"id":"7","name":"x"}`, "{}", "no JSON"} {
		r, _ := parseJobs(t, buildRules).Derive("1", "private-build-7", "job:finished", data, "", jobsAt())
		entry, err := audit.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.ParseReport(entry.Line, jobsAt()); err != nil {
			t.Errorf("%s: %v", entry.Line, err)
		}
	}
}

func TestWhatCannotBeReadOfAStatusEventIsLeftOut(t *testing.T) {
	t.Parallel()
	channel := audit.Entity{ID: "private-build-7", Type: "channel", Name: "private-build-7"}
	app := audit.Entity{ID: "1", Type: "app"}
	for data, want := range map[string]struct {
		actor, target audit.Entity
		payload       audit.Job
	}{
		"":                                 {app, channel, audit.Job{}},
		"{":                                {app, channel, audit.Job{}},
		`"j-7"`:                            {app, channel, audit.Job{}},
		`[{"id":"j-7"}]`:                   {app, channel, audit.Job{}},
		"null":                             {app, channel, audit.Job{}},
		"\xff":                             {app, channel, audit.Job{}},
		`{"id":"a","id":"b"}`:              {app, channel, audit.Job{}},
		`{"ID":"a"}`:                       {app, channel, audit.Job{}},
		`{"name":"lint"}`:                  {app, channel, audit.Job{Name: "lint"}},
		`{"id":null,"status":null}`:        {app, channel, audit.Job{}},
		`{"id":["j"],"name":{"x":1}}`:      {app, channel, audit.Job{}},
		`{"id":true,"status":false}`:       {app, channel, audit.Job{}},
		`{"id":7}`:                         {app, audit.Entity{ID: "7", Type: "job"}, audit.Job{ID: "7"}},
		`{"id":-1e3,"workflow":"w"}`:       {app, audit.Entity{ID: "-1e3", Type: "job"}, audit.Job{ID: "-1e3"}},
		`{"user":{"name":"Ada"}}`:          {app, channel, audit.Job{}},
		`{"user":{"id":"u","name":["x"]}}`: {audit.Entity{ID: "u", Type: "user"}, channel, audit.Job{}},
		`{"status":"a\u0000\n\u001b[1mb"}`: {app, channel, audit.Job{Status: "a[1mb"}},
		`{"id":"` + strings.Repeat("é", 200) + `"}`: {
			app, audit.Entity{ID: strings.Repeat("é", 150), Type: "job"}, audit.Job{ID: strings.Repeat("é", 150)},
		},
		`{"number":"41"}`:                 {app, channel, audit.Job{Number: 41}},
		`{"number":-1}`:                   {app, channel, audit.Job{}},
		`{"number":1.5}`:                  {app, channel, audit.Job{}},
		`{"number":"x"}`:                  {app, channel, audit.Job{}},
		`{"number":99999999999999999999}`: {app, channel, audit.Job{}},
	} {
		got, ok := parseJobs(t, buildRules).Derive("1", "private-build-7", "job:started", data, "", jobsAt())
		if !ok {
			t.Errorf("%s: no record", data)
			continue
		}
		if diff := cmp.Diff([]any{want.actor, want.target, want.payload}, []any{got.Actor, got.Target, got.Payload}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

func TestTheFirstRuleThatHasTheEventCounts(t *testing.T) {
	t.Parallel()
	jobs := parseJobs(t, "; private-build-* job:started=workflow.job.start ;\nprivate-* job:started=workflow.job.finish a=b=workflow.job.approve;"+
		" presence-*-x-* e=workflow.job.scheduled; * all=workflow.job.start;")
	for _, test := range []struct{ channel, event, want string }{
		{"private-build-7", "job:started", "workflow.job.start"},
		{"private-other", "job:started", "workflow.job.finish"},
		{"private-build-7", "a=b", "workflow.job.approve"},
		{"presence-1-x-2", "e", "workflow.job.scheduled"},
		{"presence-1-2", "e", ""},
		{"build-7", "job:started", ""},
		{"xprivate-build-7", "job:started", ""},
		{"private-build-7", "job:start", ""},
		{"private-build-7", "", ""},
		{"a", "all", "workflow.job.start"},
		{"#server-to-user-1", "all", ""}, // its own name is nobody else's business
	} {
		got, ok := jobs.Derive("1", test.channel, test.event, "{}", "", jobsAt())
		if got.Action != test.want || ok != (test.want != "") {
			t.Errorf("%s on %s: %q, %v, want %q", test.event, test.channel, got.Action, ok, test.want)
		}
	}
	for _, none := range []string{"", " ; \n;"} {
		if jobs := parseJobs(t, none); jobs != nil {
			t.Errorf("%q has rules: %v", none, jobs)
		}
	}
	if _, ok := audit.Jobs(nil).Derive("1", "a", "all", "{}", "", jobsAt()); ok {
		t.Error("no rules make a record")
	}
}

// All nodes see the event, and its publisher may send it twice.
func TestTheSameEventHasTheSameIDEverywhere(t *testing.T) {
	t.Parallel()
	type event struct{ app, channel, event, data, position string }
	id := func(e event, now time.Time) string {
		r, ok := parseJobs(t, "* a=workflow.job.start b=workflow.job.start").Derive(e.app, e.channel, e.event, e.data, e.position, now)
		if !ok {
			t.Fatalf("%v: no record", e)
		}
		return r.ID
	}
	seen := make(map[string]event)
	for _, e := range []event{
		{"1", "x", "a", "{}", ""},
		{"2", "x", "a", "{}", ""},
		{"1", "x1", "a", "{}", ""},
		{"1x", "1", "a", "{}", ""},
		{"1", "x", "b", "{}", ""},
		{"1", "x", "a", "{ }", ""},
		{"1", "x", "a", "{}", "0:0-1"},
		{"1", "x", "a", "{}", "0:0-2"},
		{"1", "x", "a", "0:0-1", ""},
	} {
		got := id(e, jobsAt())
		if other, twice := seen[got]; twice {
			t.Errorf("%v has the id of %v", e, other)
		}
		seen[got] = e
		if again := id(e, jobsAt().Add(time.Second)); again != got {
			t.Errorf("%v: %s, and on another node %s", e, got, again)
		}
	}
	if a, b := id(event{"1", "x", "a", "{}", "0:0-1"}, jobsAt()), id(event{"1", "x", "a", "[]", "0:0-1"}, jobsAt()); a != b {
		t.Errorf("at one position: %s and %s", a, b)
	}
}

func TestRulesForJobsAreRefusedByName(t *testing.T) {
	t.Parallel()
	const actions = "workflow.job.approve, workflow.job.finish, workflow.job.scheduled, workflow.job.start"
	for text, want := range map[string]string{
		"private-*":                  `rule "private-*": after the channels it must say which events, as in job:started=workflow.job.start`,
		"a e=workflow.job.start;b":   `rule "b": after the channels it must say which events, as in job:started=workflow.job.start`,
		"a/b e=workflow.job.start":   `rule "a/b e=workflow.job.start": "a/b" is no channel name with * for any characters`,
		"#x e=workflow.job.start":    `rule "#x e=workflow.job.start": "#x" is no channel name with * for any characters`,
		"[a-z] e=workflow.job.start": `rule "[a-z] e=workflow.job.start": "[a-z]" is no channel name with * for any characters`,
		"a started":                  `rule "a started": "started" is no EVENT=ACTION, as in job:started=workflow.job.start`,
		"a =workflow.job.start":      `rule "a =workflow.job.start": "=workflow.job.start" is no EVENT=ACTION, as in job:started=workflow.job.start`,
		"a e=":                       `rule "a e=": "e=": "" is none of ` + actions,
		"a e=user.create":            `rule "a e=user.create": "e=user.create": "user.create" is none of ` + actions,
		"a e=relay.audit.gap":        `rule "a e=relay.audit.gap": "e=relay.audit.gap": "relay.audit.gap" is none of ` + actions,
		"a e=workflow.job.start e=workflow.job.finish": `rule "a e=workflow.job.start e=workflow.job.finish": the event "e" comes twice`,
		"a client-e=workflow.job.start": `rule "a client-e=workflow.job.start": "client-e=workflow.job.start": ` +
			"events that begin with client- are sent by anybody who has joined the channel",
	} {
		jobs, err := audit.ParseJobs(text)
		if err == nil || err.Error() != want || jobs != nil {
			t.Errorf("%q: %v, %v, want %s", text, jobs, err, want)
		}
	}
}

func FuzzParseJobs(f *testing.F) {
	for _, text := range []string{buildRules, ";;", "a b=c", "* a==workflow.job.start", "a\x00 e=workflow.job.start", "*** e=workflow.job.start;\xff"} {
		f.Add(text, "private-build-1", "job:started")
	}
	f.Fuzz(func(t *testing.T, text, channel, event string) {
		jobs, err := audit.ParseJobs(text)
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsAny(err.Error(), "\x00\n\r\x1b") || len(err.Error()) > 2000 {
				t.Errorf("the error is not fit to be shown: %q", err)
			}
			return
		}
		r, ok := jobs.Derive("1", channel, event, "{}", "", jobsAt())
		if ok && (!strings.HasPrefix(r.Action, "workflow.job.") || strings.HasPrefix(event, "client-") || !strings.Contains(text, event+"="+r.Action)) {
			t.Errorf("%q on %q becomes %q", event, channel, r.Action)
		}
	})
}

// Whatever an event holds, its record can be written down and is short, and no more of the
// event is in it than texts that are called as they may be.
func FuzzDerive(f *testing.F) {
	for _, data := range []string{
		`{"id":"j","name":"n","number":1,"status":"s","workflow":{"id":"w","name":"n"},"user":{"id":"u","name":"n"}}`,
		"", "{", "[]", `{"id":1e999}`, `{"id":"\ud800"}`, `{"user":[]}`, "\xff", `{"workflow":{"id":{}}}`, `{"env":"qqqq"}`,
	} {
		f.Add("1", "private-build-1", data, "0:0-1")
	}
	f.Fuzz(func(t *testing.T, app, channel, data, position string) {
		jobs := parseJobs(t, buildRules)
		r, ok := jobs.Derive(app, channel, "job:started", data, position, jobsAt())
		if ok != (strings.HasPrefix(channel, "private-build-") && !strings.Contains(channel, "/")) {
			t.Fatalf("%q: %v", channel, ok)
		}
		if !ok {
			return
		}
		for _, text := range []string{r.Actor.Name, r.Target.Name, r.Payload.(audit.Job).Status, r.Payload.(audit.Job).WorkflowID} {
			if text != audit.Clean(text) && text != channel {
				t.Errorf("not clean: %q", text)
			}
		}
		var members map[string]json.RawMessage
		payload, err := json.Marshal(r.Payload)
		if err != nil || json.Unmarshal(payload, &members) != nil {
			t.Fatalf("the payload %v: %v", r.Payload, err)
		}
		for name := range members {
			if !slices.Contains([]string{"job_name", "job_id", "job_number", "status", "workflow_id", "workflow_name"}, name) {
				t.Errorf("the payload has %q", name)
			}
		}
		if again, _ := jobs.Derive(app, channel, "job:started", data, position, jobsAt().Add(time.Hour)); again.ID != r.ID {
			t.Errorf("the ids %s and %s", r.ID, again.ID)
		}
	})
}
