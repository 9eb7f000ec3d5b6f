package outlet_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/outlet"
)

func parseMessage(t testing.TB, text string) *rfc5424.SyslogMessage {
	t.Helper()
	read, err := rfc5424.NewParser().Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	message, ok := read.(*rfc5424.SyslogMessage)
	if !ok || message.Message == nil {
		t.Fatalf("no message: %q", text)
	}
	return message
}

func mustMessage(t testing.TB, s audit.Stored) string {
	t.Helper()
	text, err := outlet.Message(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestARecordIsOneSyslogMessageWithAllItsFields(t *testing.T) {
	t.Parallel()
	s := audit.Stored{Chain: "node-1", Seq: 42, Entry: audit.Entry{
		Action: "user.create", OccurredAt: time.Date(2026, 11, 29, 12, 0, 0, 123456789, time.FixedZone("", 3600)), Line: []byte(`{"a":"=1 — 漢"}`),
	}}
	want := `<110>1 2026-11-29T11:00:00.123456Z node-1 buildrelay - user.create [meta sequenceId="42"] {"a":"=1 — 漢"}`
	if diff := cmp.Diff(want, mustMessage(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestAwkwardRecordsComeThroughSyslogByteForByte(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		entry := mustEncode(t, awkward(n))
		m := parseMessage(t, mustMessage(t, audit.Stored{Chain: chain, Seq: int64(n + 1), Entry: entry}))
		if diff := cmp.Diff(string(entry.Line), *m.Message); diff != "" {
			t.Error(diff)
		}
		if *m.MsgID != "user.create" || *m.Hostname != chain || *m.Facility != 13 || *m.Severity != 6 {
			t.Errorf("%+v", m)
		}
	}
}

func TestWhatAFieldOfAMessageCannotHoldIsReplacedOrCut(t *testing.T) {
	t.Parallel()
	s := audit.Stored{Chain: "my node " + strings.Repeat("ü", 300), Seq: 1<<31 + 5, Entry: audit.Entry{
		Action: "a" + strings.Repeat(".bcd", 24), OccurredAt: time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC), Line: []byte(`{}`),
	}}
	m := parseMessage(t, mustMessage(t, s))
	if host := "my_node_" + strings.Repeat("_", 247); *m.Hostname != host {
		t.Errorf("the host name is %q", *m.Hostname)
	}
	if *m.MsgID != s.Action[:32] || m.Timestamp != nil {
		t.Errorf("MSGID %q, time %v", *m.MsgID, m.Timestamp)
	}
	if got := (*m.StructuredData)["meta"]["sequenceId"]; got != "6" {
		t.Errorf("the sequence id is %q", got)
	}
}

// Whatever a line and a chain are, a parser finds the line again.
func FuzzMessage(f *testing.F) {
	f.Add(chain, "user.create", "plain", int64(1))
	f.Add("", "", "\x00\xff\n", int64(1<<31))
	f.Fuzz(func(t *testing.T, chain, action, text string, seq int64) {
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		seq = max(seq, 1)
		s := audit.Stored{Chain: chain, Seq: seq, Entry: audit.Entry{Action: action, OccurredAt: time.Unix(seq%1e9, 0), Line: line}}
		m := parseMessage(t, mustMessage(t, s))
		if *m.Message != string(line) {
			t.Errorf("%q became %q", line, *m.Message)
		}
		if n, err := strconv.Atoi((*m.StructuredData)["meta"]["sequenceId"]); err != nil || n < 1 || n > 1<<31-1 {
			t.Errorf("the sequence id is %d: %v", n, err)
		}
	})
}
