package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
)

// What a check sends goes to a channel that only a rule makes, and only that rule.
func TestNothingIsSentToALogChannelOfOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		patterns []string
		want     string
	}{
		"a rule":                   {[]string{"private-build-*"}, "private-build-buildrelay-check"},
		"no rule":                  {nil, ""},
		"a channel":                {[]string{"private-deploys"}, ""},
		"a channel and a rule":     {[]string{"private-deploys", "private-build-*"}, "private-build-buildrelay-check"},
		"what anybody may watch":   {[]string{"build-*"}, ""},
		"what nobody can read":     {[]string{"private-encrypted-*"}, ""},
		"a rule that never counts": {[]string{"build-*", "private-*", "private-build-*"}, "private-buildrelay-check"},
	} {
		var rules protocol.LogRules
		for _, pattern := range c.patterns {
			rules = append(rules, protocol.LogRule{Pattern: pattern})
		}
		if got := logChannel(rules); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := logChannel(protocol.LogRules{{Pattern: "private-build-buildrelay-*"}, {Pattern: "private-build-*"}}); got != "private-build-buildrelay-buildrelay-check" {
		t.Errorf("the first rule has %q", got)
	}
}

func TestWhatACheckHadNoTimeForIsNoFault(t *testing.T) {
	t.Parallel()
	held := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(held.Close)
	address, err := url.Parse(held.URL)
	if err != nil {
		t.Fatal(err)
	}
	k := &checking{site: &site{Relay: visit.Relay{URL: address, Key: "key"}}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, upgrade := k.upgrade(ended)
	for _, f := range []checkup.Finding{within(ended, "streaming", k.streaming), upgrade} {
		if f.Grade != checkup.Note {
			t.Errorf("told %+v", f)
		}
	}
	if f := within(ended, "x", func(context.Context) checkup.Finding { return checkup.OK("x", "done") }); f.Grade != checkup.Good {
		t.Errorf("what was done is told as %+v", f)
	}
}

func TestATrailThatTakesTooLongIsNoFault(t *testing.T) {
	t.Parallel()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(filepath.Join(t.TempDir(), "audit.db"), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	k := &checking{}
	if f := k.chain(ended, db); f.Grade != checkup.Note {
		t.Errorf("told %+v", f)
	}
	if f := k.chain(t.Context(), db); f.Grade != checkup.Good {
		t.Errorf("told %+v", f)
	}
}

// The same report is made of the same apps, whatever their order in memory.
func TestAppsAreLookedAtInOneOrder(t *testing.T) {
	t.Parallel()
	var list []auth.App
	for _, id := range []string{"m", "z", "a", "q"} {
		list = append(list, auth.App{ID: id, Keys: []auth.Key{{Key: "key-" + id, Secret: "secret"}}})
	}
	all, err := newApps(list, false)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, app := range all.inOrder() {
		ids = append(ids, app.ID)
	}
	if diff := cmp.Diff([]string{"m", "a", "q", "z"}, ids); diff != "" {
		t.Error(diff)
	}
	disabled := &checking{list: []auth.App{{ID: "m", Disabled: true}, {ID: "a"}, {ID: "q"}}}
	if app := disabled.checkedApp(); app.ID != "a" {
		t.Errorf("app %q is looked at", app.ID)
	}
}

// asked is the name of the one finding of a report.
func asked(ctx context.Context, t *testing.T, s *selfCheck) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/check", nil).WithContext(ctx))
	var report checkup.Report
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil || len(report.Findings) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return report.Findings[0].Name
}

func TestAReportIsAnsweredForAWhile(t *testing.T) {
	t.Parallel()
	now, n := time.Now(), 0
	s := &selfCheck{now: func() time.Time { return now }, look: func(context.Context) checkup.Report {
		n++
		return checkup.NewReport([]checkup.Finding{checkup.OK(strconv.Itoa(n), "")})
	}}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for i, c := range []struct {
		ctx   context.Context
		after time.Duration
		want  string
	}{
		{ended, 0, "1"}, {t.Context(), 0, "2"}, {t.Context(), 29 * time.Second, "2"}, {ended, 0, "2"}, {t.Context(), time.Second, "3"},
	} {
		now = now.Add(c.after)
		if got := asked(c.ctx, t, s); got != c.want {
			t.Errorf("call %d: report %s, want %s", i, got, c.want)
		}
	}
}
