package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

// query makes a filter of "name=value" texts.
func query(now time.Time, parts ...string) (audit.Filter, error) {
	values := make(map[string]string)
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		values[name] = value
	}
	return audit.ParseFilter(func(name string) string { return values[name] }, now)
}

func TestAFilterIsReadFromAQuery(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		parts string
		want  audit.Filter
	}{
		{"", audit.Filter{}},
		{"since=2026-01-30T10:00:00.5+01:00", audit.Filter{Since: time.Date(2026, 1, 30, 9, 0, 0, 5e8, time.UTC)}},
		{"since=2026-01-30 until=36h", audit.Filter{Since: time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 30, 0, 0, 0, 0, time.UTC)}},
		{"action=relay.audit.read actor=u-1 target=c-1", audit.Filter{Action: "relay.audit.read", Actor: "u-1", Target: "c-1"}},
		{"action=relay.*", audit.Filter{Action: "relay.*"}},
		{"action=relay.subscription.*", audit.Filter{Action: "relay.subscription.*"}},
	} {
		got, err := query(now, strings.Fields(c.parts)...)
		if err != nil {
			t.Errorf("%s: %v", c.parts, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (- wanted):\n%s", c.parts, diff)
		}
	}
}

func TestAFilterThatIsWrongIsExplained(t *testing.T) {
	for _, c := range []struct{ part, name, says string }{
		{"since=yesterday", "since", "36h"},
		{"until=-5h", "until", "2026-01-31"},
		{"action=Relay.Read", "action", "relay.audit.*"},
		{"action=*", "action", "relay.audit.*"},
		{"action=relay*", "action", "relay.audit.*"},
		{"actor=" + strings.Repeat("x", 513), "actor", "512 bytes"},
	} {
		_, err := query(time.Now(), c.part)
		if err == nil || !strings.HasPrefix(err.Error(), c.name+": ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40s: %v", c.part, err)
		}
	}
}

func TestAFilterMatchesWhatItAsksFor(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	e := audit.Entry{OccurredAt: at, Action: "relay.audit.read", Actor: "u-1", Target: "c-1"}
	for filter, want := range map[audit.Filter]bool{
		{}: true, {Since: at}: true, {Until: at}: false, {Since: at.Add(1)}: false, {Until: at.Add(1)}: true,
		{Action: "relay.audit.read"}: true, {Action: "relay.audit"}: false, {Action: "relay.*"}: true, {Action: "relay.auditor.*"}: false,
		{Actor: "u-1"}: true, {Actor: "u-2"}: false, {Target: "c-1"}: true, {Target: "u-1"}: false,
	} {
		if got := filter.Matches(e); got != want {
			t.Errorf("%+v: %v", filter, got)
		}
	}
}
