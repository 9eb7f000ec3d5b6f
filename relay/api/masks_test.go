package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// maskBook is what was registered with an API.
type maskBook struct {
	kept  []string // "APP CHANNEL VALUES until TIME"
	fails error
}

func (m *maskBook) Mask(_ context.Context, appID, channel string, values []string, until time.Time) error {
	m.kept = append(m.kept, fmt.Sprintf("%s %s %q until %s", appID, channel, values, until.UTC().Format(time.RFC3339)))
	return m.fails
}

func (m *maskBook) Masked(string, string) bool { return true }

// masking is a backend that masks. Channels private-log-* have logs, which are kept for two days,
// and private-old-* such that are kept for ever.
func masking(t *testing.T) (*backend, *maskBook, *trail) {
	t.Helper()
	b, m, a := withKeys(t), &maskBook{}, &trail{}
	b.Masks, b.Auditor = m, a
	app, _ := b.Apps.ByID("3")
	changed := *app
	changed.Logs = protocol.LogRules{{Pattern: "private-log-*", Keep: 48 * time.Hour}, {Pattern: "private-old-*", Keep: 1000 * time.Hour * 24}}
	if err := b.Apps.Replace(changed); err != nil {
		t.Fatal(err)
	}
	return b, m, a
}

func (b *backend) mask(t *testing.T, signer, body string) (status int, text string) {
	t.Helper()
	got := b.as(t, signer, http.MethodPost, "masks", "", body)
	return got.Code, got.Body.String()
}

// begun is when the calls come, and so what their times are counted from.
var begun = time.Unix(now, 0).UTC()

func after(d time.Duration) string { return begun.Add(d).Format(time.RFC3339) }

func TestValuesAreRegisteredForAsLongAsTheyMatter(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for body, want := range map[string]string{
		`{"values":["hunter2-hunter2"]}`:                                              `3  ["hunter2-hunter2"] until ` + after(90*day),
		`{"values":["hunter2-hunter2"],"ttl":7776000}`:                                `3  ["hunter2-hunter2"] until ` + after(90*day),
		`{"channel":"a","values":["hunter2-hunter2","correct-horse"]}`:                `3 a ["hunter2-hunter2" "correct-horse"] until ` + after(day),
		`{"channel":"a","values":["hunter2-hunter2"],"ttl":7776000}`:                  `3 a ["hunter2-hunter2"] until ` + after(90*day),
		`{"channel":"private-log-1","values":["hunter2-hunter2"]}`:                    `3 private-log-1 ["hunter2-hunter2"] until ` + after(3*day),
		`{"channel":"private-log-1","values":["hunter2-hunter2"],"ttl":259200}`:       `3 private-log-1 ["hunter2-hunter2"] until ` + after(3*day),
		`{"channel":"private-old-1","values":["hunter2-hunter2"]}`:                    `3 private-old-1 ["hunter2-hunter2"] until ` + after(90*day),
		`{"channel":"#server-to-user-u1","values":["hunter2-hunter2"],"ttl":null}`:    `3 #server-to-user-u1 ["hunter2-hunter2"] until ` + after(day),
		"{\"channel\":\"a\",\"values\":[\"-----BEGIN x\\nhunter2-hunter2\\nüñ\"]}":    `3 a ["-----BEGIN x\nhunter2-hunter2\nüñ"] until ` + after(day),
		`{"channel":"presence-b","values":["hunter2\u002dhunter2"]}`:                  `3 presence-b ["hunter2-hunter2"] until ` + after(day),
		`{ "ttl" : 60 , "values" : [ "hunter2-hunter2" ] , "channel" : "cache-abc" }`: `3 cache-abc ["hunter2-hunter2"] until ` + after(time.Minute),
	} {
		b, m, a := masking(t)
		status, text := b.mask(t, key, body)
		if status != http.StatusOK || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s", body, status, text)
		}
		if diff := cmp.Diff([]string{want}, m.kept); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
		var answer struct {
			Masked  int
			Until   string
			Refused []any
		}
		_, until, _ := strings.Cut(want, " until ")
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Masked == 0 || answer.Until != until || answer.Refused == nil {
			t.Errorf("%s: answered %s (%v)", body, text, err)
		}
		if len(a.confirmed) != 1 || a.confirmed[0].Action != audit.ActionMaskRegister {
			t.Errorf("%s: recorded %+v", body, a.confirmed)
		}
		for _, r := range a.confirmed {
			if kept, _ := json.Marshal(r); strings.Contains(string(kept), "hunter2") {
				t.Errorf("the record has a value: %s", kept)
			}
		}
	}
}

// Without logs that are kept for long a week is enough, and less may be asked for.
func TestAnAppsValuesAreMaskedForAWeek(t *testing.T) {
	t.Parallel()
	b, m := newBackend(t), &maskBook{}
	b.Masks = m
	for body, d := range map[string]time.Duration{
		`{"values":["hunter2-hunter2"]}`:          7 * 24 * time.Hour,
		`{"values":["hunter2-hunter2"],"ttl":60}`: time.Minute,
	} {
		m.kept = nil
		status, text := b.post(t, "masks", body)
		if want := `3  ["hunter2-hunter2"] until ` + after(d); status != http.StatusOK || len(m.kept) != 1 || m.kept[0] != want {
			t.Errorf("%d %s, kept %q, want %q", status, text, m.kept, want)
		}
	}
}

func TestValuesAreTakenBack(t *testing.T) {
	t.Parallel()
	b, m, _ := masking(t)
	for _, body := range []string{`{"channel":"a","values":[]}`, `{"values":[],"ttl":1}`} {
		if status, text := b.mask(t, key, body); status != http.StatusOK || text != `{"masked":0,"refused":[]}`+"\n" {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if len(m.kept) != 2 || !strings.HasPrefix(m.kept[0], "3 a []") || !strings.HasPrefix(m.kept[1], "3  []") {
		t.Errorf("kept %q", m.kept)
	}
}

func TestAValueThatCannotBeMaskedIsToldByItsIndex(t *testing.T) {
	t.Parallel()
	b, m, _ := masking(t)
	status, text := b.mask(t, key, `{"channel":"a","values":["short","hunter2-hunter2","\u0000hunter3-hunter3"]}`)
	var answer struct {
		Masked  int
		Refused []struct {
			Index  int
			Reason string
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s (%v)", status, text, err)
	}
	if answer.Masked != 1 || len(answer.Refused) != 2 || answer.Refused[0].Index != 0 || answer.Refused[1].Index != 2 ||
		!strings.Contains(answer.Refused[0].Reason, "shorter than 6 bytes") || strings.Contains(text, "hunter") {
		t.Errorf("answered %s", text)
	}
	if len(m.kept) != 1 || !strings.Contains(m.kept[0], `["hunter2-hunter2"]`) {
		t.Errorf("kept %q", m.kept)
	}
}

func TestWrongRegistrationsAreRefusedWithoutAValue(t *testing.T) {
	t.Parallel()
	const form = "the body must be {"
	many, large := `"`+strings.Repeat(`hunter2-h","`, 2000)+`hunter2-h"`, `"`+strings.Repeat("hunter2-hunter2-", 513)+`","`+strings.Repeat("hunter3-hunter3-", 513)+`"`
	for body, want := range map[string]string{
		"": form, "hunter2": form, `[]`: form, `"hunter2"`: form, `{"values":`: form, `{}`: form, `{"channel":"a"}`: form,
		`{"values":["x"],"hunter2":1}`:                                           form,
		`{"values":["hunter2"],"values":["hunter2"]}`:                            form,
		`{"Values":["hunter2"]}`:                                                 form,
		`{"values":"hunter2"}`:                                                   "values must be a list of strings",
		`{"values":[2]}`:                                                         "values must be a string",
		`{"values":["hunter2-hunter2",null]}`:                                    "values must be a string",
		`{"values":["hunter2-\ud800"]}`:                                          "values has half a surrogate pair",
		`{"values":["hunter2-hunter2"],"ttl":"60"}`:                              "ttl must be whole seconds",
		`{"values":["hunter2-hunter2"],"ttl":0}`:                                 "ttl must be whole seconds",
		`{"values":["hunter2-hunter2"],"ttl":7776001}`:                           "ttl must be whole seconds",
		`{"values":["hunter2-hunter2"],"ttl":1e3}`:                               "ttl must be whole seconds",
		`{"values":["hunter2-hunter2"],"channel":""}`:                            "channel is empty",
		`{"values":["hunter2-hunter2"],"channel":7}`:                             "channel must be a string",
		`{"values":["hunter2-hunter2"],"channel":"*"}`:                           "*",
		`{"values":["hunter2-hunter2"],"channel":"private-encrypted-x"}`:         "encrypted from end to end",
		`{"values":["hunter2-hunter2"],"channel":"private-log-1","ttl":259199}`:  "ttl must be at least 259200, a day more than the log of private-log-1 keeps its events",
		`{"values":["hunter2-hunter2"],"channel":"private-old-1","ttl":7775999}`: "ttl must be at least 7776000, a day more than the log of private-old-1",
		`{"values":["hunter2-hunter2"],"ttl":7775999}`:                           "ttl must be at least 7776000, a day more than the log of a channel of the app",
		`{"values":[` + many + `]}`:                                              "2000",
		`{"values":["` + strings.Repeat(`\"'<>&$/+ ~#%hunter2`, 500) + `"]}`:     "only the first 0 of 1 values fit: in all the forms",
		`{"values":[` + large + `]}`:                                             "16384",
	} {
		b, m, a := masking(t)
		status, text := b.mask(t, key, body)
		if status != http.StatusBadRequest || !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%.60s: %d %s, want %q", body, status, text, want)
		}
		if len(m.kept) > 0 || len(a.confirmed) > 0 {
			t.Errorf("%.60s: kept %q", body, m.kept)
		}
	}
}

// Whoever may register may take back, too, what others want masked.
func TestAKeyThatIsLimitedToChannelsRegistersNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		key, channel string
		status       int
	}{
		{key, "", 200},
		{"writer", "", 200},
		{"writer", "a", 200},
		{"reader", "a", 403},
		{"client", "", 403},
		{"old", "a", 401},
		{"fork", "private-fork-1", 403},
		{"fork", "a", 403},
		{"fork", "", 403},
	} {
		for _, values := range []string{`["hunter2-hunter2"]`, `[]`} {
			b, m, a := masking(t)
			body := `{"values":` + values + `}`
			if test.channel != "" {
				body = `{"channel":"` + test.channel + `","values":` + values + `}`
			}
			status, text := b.mask(t, test.key, body)
			if status != test.status || len(m.kept) > 0 != (status == 200) || len(a.confirmed) != len(m.kept) {
				t.Errorf("%s on %q, %s: %d %s, kept %q", test.key, test.channel, values, status, text, m.kept)
			}
		}
	}
}

func TestARegistrationThatIsNotKeptIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		fmt.Errorf("x: %w", protocol.ErrMaskKeys):  "409 no keys: ",
		fmt.Errorf("x: %w", protocol.ErrMasksFull): "409 masks full: ",
		fmt.Errorf("x: %w", protocol.ErrFull):      "503 storage full: ",
		errors.New("x"):                            "503 what is to be masked could not be registered, try again",
	} {
		b, m, a := masking(t)
		m.fails = err
		status, text := b.mask(t, key, `{"channel":"a","values":["hunter2-hunter2"]}`)
		if got := fmt.Sprintf("%d %s", status, text); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
		if len(a.noted) == 0 || a.noted[0].Success {
			t.Errorf("%v: noted %+v", err, a.noted)
		}
	}
	b, m, a := masking(t)
	a.away = errAway
	if status, _ := b.mask(t, key, `{"values":["hunter2-hunter2"]}`); status != http.StatusServiceUnavailable || len(m.kept) > 0 {
		t.Errorf("what cannot be recorded: %d, kept %q", status, m.kept)
	}
	b.Masks = nil
	if status, _ := b.mask(t, key, `{"values":["hunter2-hunter2"]}`); status != http.StatusNotFound {
		t.Errorf("where nothing is masked: %d", status)
	}
}

// What a record says of a job is what readers are shown.
func TestRecordsAreMadeOfWhatWasPublished(t *testing.T) {
	t.Parallel()
	b, a := audited(t, same)
	var err error
	if b.Jobs, err = audit.ParseJobs("private-* job:started=workflow.job.start"); err != nil {
		t.Fatal(err)
	}
	const data, masked = `{"job_name":"hunter2-hunter2"}`, `{"job_name":"***"}`
	b.receipt.Published = []protocol.Event{{Name: "job:started", Channel: "private-x", Data: masked}}
	want, _ := b.Jobs.Derive("3", "private-x", "job:started", masked, "", fixedNow())
	b.post(t, "events", fmt.Sprintf(`{"name":"job:started","channel":"private-x","data":%q}`, data))
	if diff := cmp.Diff([]audit.Record{want}, a.noted); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
