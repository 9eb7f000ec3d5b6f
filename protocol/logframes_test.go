package protocol_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// What clients are told about a log, byte for byte, with data taken out of its string.
func TestFramesOfALog(t *testing.T) {
	n := func(n int64) *int64 { return &n }
	final := &protocol.Final{Entries: 3, Lines: n(40), Digest: digest}
	tests := []struct {
		name  string
		frame protocol.Frame
		want  []string // event, data, channel, relay of each message
	}{
		{
			"an entry", protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "a", Data: "d", UserID: "u", Link: &protocol.Link{At: at(2, 7)}}),
			[]string{"e", "d", "a", epoch + ":2-7"},
		},
		{
			"a final entry", protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "a", Data: "d", Link: &protocol.Link{At: at(3, 7), Final: final}}),
			[]string{
				"e", "d", "a", epoch + ":3-7",
				"relay:final", `{"channel":"a","position":"` + epoch + `:3-7","entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`, "a", epoch + ":3-7",
			},
		},
		{
			"a final entry on an encrypted channel",
			protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "private-encrypted-a", Data: "d", Link: &protocol.Link{At: at(3, 7), Final: final}}),
			[]string{
				"e", "d", "private-encrypted-a", epoch + ":3-7",
				"pusher:relay_final", `{"channel":"private-encrypted-a","position":"` + epoch + `:3-7","entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`,
				"private-encrypted-a", epoch + ":3-7",
			},
		},
		{
			"an entry that cannot be read",
			protocol.EncodeEvent(protocol.Event{Channel: "a", Link: &protocol.Link{At: at(3, 7), Prev: at(2, 6).ID, Unreadable: true}}),
			[]string{
				"relay:gap", `{"channel":"a","reason":"unavailable","from":"` + epoch + `:2-6","resume_at":null,"missing":1,"reset":false}`,
				"a", epoch + ":3-7",
			},
		},
		{
			"a final entry that cannot be read",
			protocol.EncodeEvent(protocol.Event{Channel: "a", Link: &protocol.Link{At: at(3, 7), Prev: at(2, 6).ID, Final: final, Unreadable: true}}),
			[]string{
				"relay:gap", `{"channel":"a","reason":"unavailable","from":"` + epoch + `:2-6","resume_at":null,"missing":1,"reset":false}`,
				"a", epoch + ":3-7",
				"relay:final", `{"channel":"a","position":"` + epoch + `:3-7","entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`, "a", epoch + ":3-7",
			},
		},
		{"a position", protocol.PositionFrame("a", at(2, 7), at(3, 8)), []string{"relay:position", `{"channel":"a","position":"` + epoch + `:2-7","top":"` + epoch + `:3-8"}`, "a", epoch + ":2-7"}},
		{"no position", protocol.PositionFrame("a", protocol.Position{}, protocol.Position{}), []string{"relay:position", `{"channel":"a","position":"0:0-0","top":"0:0-0"}`, "a", "0:0-0"}},
		{
			"a gap",
			(&protocol.Gap{Reason: protocol.GapTrimmed, From: at(1, 1), After: at(4, 4), ResumeAt: at(5, 5), Missing: 3}).Frame("a"),
			[]string{
				"relay:gap", `{"channel":"a","reason":"trimmed","from":"` + epoch + `:1-1","resume_at":"` + epoch + `:5-5","missing":3,"reset":false}`,
				"a", epoch + ":4-4",
			},
		},
		{
			"a reset with nothing behind it",
			(&protocol.Gap{Reason: protocol.GapEpoch, From: at(1, 1), Missing: -1, Reset: true}).Frame("private-encrypted-a"),
			[]string{
				"pusher:relay_gap", `{"channel":"private-encrypted-a","reason":"epoch","from":"` + epoch + `:1-1","resume_at":null,"missing":null,"reset":true}`,
				"private-encrypted-a", "0:0-0",
			},
		},
		{"stale", protocol.Stale("a"), []string{"relay:stale", `{"channel":"a"}`, "a", ""}},
		{"fresh", protocol.Fresh("private-encrypted-a"), []string{"pusher:relay_fresh", `{"channel":"private-encrypted-a"}`, "private-encrypted-a", ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for frame := []byte(test.frame); len(frame) > 0; {
				var payload []byte
				payload, frame = cutFrame(t, frame)
				var m struct{ Event, Data, Channel, Relay string }
				if err := json.Unmarshal(payload, &m); err != nil {
					t.Fatalf("%s: %v", payload, err)
				}
				got = append(got, m.Event, m.Data, m.Channel, m.Relay)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

// cutFrame takes the payload of the first of several WebSocket frames.
func cutFrame(t *testing.T, b []byte) (payload, rest []byte) {
	t.Helper()
	head, n := 2, int(b[1])
	if n == 126 {
		head, n = 4, int(b[2])<<8|int(b[3])
	}
	if b[0] != 0x81 || n == 127 || len(b) < head+n {
		t.Fatalf("not a short text frame: %q", b)
	}
	return b[head : head+n], b[head+n:]
}

// Who follows the digests has to know which events they are not over.
func TestWhatTheLogHasSealedIsMarked(t *testing.T) {
	e := protocol.Event{Name: "e", Channel: "a", Data: "d", Link: &protocol.Link{At: at(2, 7), Sealed: true}}
	const want = `{"event":"e","data":"d","channel":"a","relay":"` + epoch + `:2-7","sealed":true}`
	if got := string(protocol.EncodeEvent(e).Payload()); got != want {
		t.Errorf("frame %s, want %s", got, want)
	}
}

func TestAnEntryAllocatesItsFrameOnly(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		checkAllocations(t, protocol.Event{
			Name: "build:output", Channel: "private-build-7", Data: "line\n", Link: &protocol.Link{At: at(1_000_000, 4_000_000_000), Sealed: sealed},
		})
	}
}

func checkAllocations(t *testing.T, e protocol.Event) {
	t.Helper()
	if n := testing.AllocsPerRun(100, func() { protocol.EncodeEvent(e) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	if f := protocol.EncodeEvent(e); cap(f) != len(f) {
		t.Errorf("frame of %d bytes occupies %d", len(f), cap(f))
	}
}
