package inbox_test

import (
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/inbox"
)

// Whatever an entry holds, it becomes one record that can be written down: its own, or that
// of its refusal, with the same id each time.
func FuzzAnEntry(f *testing.F) {
	for _, text := range []string{report("a"), "{", "", "null", "[]", "\xff", report("\x00"), `{"id":7}`, `{"action":"relay.audit.gap"}`} {
		f.Add("1700000000000-0", "record", text)
	}
	f.Add("", "x", report("a"))
	f.Add("9223372036854775808-1", "record", report("a"))
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, id, name, text string) {
		records, reason := inbox.Read(id, []string{name, text}, now)
		if len(records) != 1 || (records[0].Action == audit.ActionAuditRefuse) != (reason != "") {
			t.Fatalf("%+v, refused: %q", records, reason)
		}
		if name != "record" && reason == "" {
			t.Errorf("a field %q was taken for a record", name)
		}
		if len(reason) > 300 || !utf8.ValidString(reason) {
			t.Errorf("refused: %q", reason)
		}
		for _, r := range reason {
			if unicode.IsControl(r) {
				t.Errorf("refused: %q", reason)
			}
		}
		if _, err := audit.Encode(records[0]); err != nil {
			t.Errorf("%+v: %v", records[0], err)
		}
		again, _ := inbox.Read(id, []string{name, text}, now.Add(time.Second))
		if len(again) != 1 || again[0].ID != records[0].ID {
			t.Errorf("read again it is %+v, and was %+v", again, records[0])
		}
	})
}

func TestAnswersThatRedisNeverGivesAreNoEntries(t *testing.T) {
	t.Parallel()
	for _, reply := range []any{
		nil, "x", int64(1),
		[]any{},
		[]any{nil},
		[]any{"x"},
		[]any{[]any{}},
		[]any{[]any{"k"}},
		[]any{[]any{"k", nil}},
		[]any{[]any{"k", "x"}},
		[]any{[]any{"k", []any{"x"}}},
		[]any{[]any{"k", []any{[]any{"1-0"}}}},
		[]any{[]any{"k", []any{[]any{int64(1), nil}}}},
		[]any{"0-0", nil},
		[]any{"0-0", "x"},
		[]any{"0-0", []any{"x"}},
		[]any{int64(0), []any{}},
		[]any{"0-0", []any{nil}}, // deleted by somebody
	} {
		if n := inbox.Parse(reply); n != 0 {
			t.Errorf("%v has %d entries", reply, n)
		}
	}
}
