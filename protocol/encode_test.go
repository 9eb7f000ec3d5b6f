package protocol_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// update is how a deliberate change of the wire is recorded:
// go test ./protocol -run Golden -update
var update = flag.Bool("update", false, "write testdata/frames.golden anew")

func TestGoldenFrames(t *testing.T) {
	frames := []struct {
		name  string
		frame protocol.Frame
	}{
		{"established", protocol.Established("3363.1846347", 120*time.Second)},
		{"established, activity timeout below a second", protocol.Established("1.2", time.Millisecond)},
		{"succeeded", protocol.Succeeded("private-x")},
		{"pong", protocol.Pong()},
		{"error without code", protocol.ErrExistingSubscription("news").Frame()},
		{"error with code", protocol.ErrClientEventRate().Frame()},
		{"error with quotes and markup", protocol.ErrChannelName("\"<&>\\\n\xff").Frame()},
		{"error before a close", protocol.ErrUnknownKey("nokey").Frame()},
		{"lost", protocol.Lost("private-build-7", 3)},
		{"lost, count unknown", protocol.Lost("news", -1)},
		{"lost on an encrypted channel", protocol.Lost("private-encrypted-x", 3)},
		{"lost on an encrypted cache channel", protocol.Lost("private-encrypted-cache-x", 3)},
		{"event", protocol.EncodeEvent(protocol.Event{Name: "my-event", Channel: "news", Data: `{"hello":"world"}`})},
		{"event with markup", protocol.EncodeEvent(protocol.Event{Name: `App\Events\X`, Channel: "a", Data: `{"a":"<&>é` + "\u2028" + `"}`})},
		{"event with controls", protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "a", Data: "\x00\b\t\n\f\r\x1b[1m\x7f/😀"})},
		{"event that is not UTF-8", protocol.EncodeEvent(protocol.Event{Name: "e\xff", Channel: "a", Data: "ok\xc3(\xed\xa0\x80"})},
		{"event without data", protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "a"})},
		{"event of a member", protocol.EncodeEvent(protocol.Event{Name: "client-x", Channel: "presence-a", Data: "1", UserID: "u1"})},
		{"event with further members", protocol.EncodeEvent(protocol.Event{
			Name: "e", Channel: "a", Data: "d", Exclude: "1.2",
			Extra: []protocol.Field{{Name: "seq", Value: []byte("5")}, {Name: `"q"`, Value: []byte(`{"a": [1]}`)}},
		})},
		{"members", protocol.SucceededPresence("presence-x", []protocol.Member{{ID: "u1", Info: `{"name":"Ann"}`}, {ID: "u2"}})},
		{"no members", protocol.SucceededPresence("presence-x", nil)},
		{"members with strange ids", protocol.SucceededPresence("presence-x", []protocol.Member{{ID: "__proto__", Info: `{"<":"\u00e9"}`}, {ID: "\"\n\xff"}, {ID: "10"}})},
		{"member added", protocol.MemberAdded("presence-x", protocol.Member{ID: "u3", Info: `{"name":"Bob"}`})},
		{"member without info added", protocol.MemberAdded("presence-x", protocol.Member{ID: `"`})},
		{"member removed", protocol.MemberRemoved("presence-x", "u3")},
		{"cache miss", protocol.CacheMiss("cache-x")},
		{"subscription count", protocol.SubscriptionCount("news", 42)},
		{"signed in", protocol.SigninSuccess(`{"id":"u1","user_info":{"name":"Ann"}}`)},
		{"watchlist", protocol.WatchlistEvents([]string{"u2"}, []string{"u5", `u"6`})},
		{"watchlist, online only", protocol.WatchlistEvents([]string{"u2", "u3"}, nil)},
		{"watchlist, offline only", protocol.WatchlistEvents(nil, []string{"u2"})},
		{"watchlist too long", protocol.ErrWatchlist(100).Frame()},
		{"event of 126 bytes", protocol.EncodeEvent(protocol.Event{Name: "e", Channel: "a", Data: strings.Repeat("x", 90)})},
	}
	var got strings.Builder
	for _, f := range frames {
		fmt.Fprintf(&got, "%s\n\t%+q\n", f.name, []byte(f.frame))
	}
	const file = "testdata/frames.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("frames differ (-want +got):\n%s", diff)
	}
}

func TestEncodeEventAllocatesTheFrameOnly(t *testing.T) {
	e := protocol.Event{Name: "build:output", Channel: "private-build-7", Data: strings.Repeat("\x1b[1mline\x1b[0m ü\r\n", 500)}
	if n := testing.AllocsPerRun(100, func() { protocol.EncodeEvent(e) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
	if f := protocol.EncodeEvent(e); cap(f) != len(f) {
		t.Errorf("frame of %d bytes occupies %d", len(f), cap(f))
	}
}

// What a client decodes is what was published, with U+FFFD for what is not text.
func FuzzEncodeEvent(f *testing.F) {
	f.Add("e", "a", "d", "")
	f.Add(`App\Events\X`, "private-x", "<&>\u2028\x00\x1f\x7f\"", "u1")
	f.Add("\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3")
	f.Add("e", "a", strings.Repeat("é", 40_000), "")
	f.Fuzz(func(t *testing.T, name, channel, data, userID string) {
		frame := protocol.EncodeEvent(protocol.Event{Name: name, Channel: channel, Data: data, UserID: userID})
		if len(frame) != cap(frame) {
			t.Errorf("length was computed as %d, is %d", cap(frame), len(frame))
		}
		if diff := cmp.Diff([]byte(frame), []byte(protocol.Text(frame.Payload()))); diff != "" {
			t.Errorf("header does not fit the payload (-got +want):\n%s", diff)
		}
		var got map[string]string
		if err := json.Unmarshal(frame.Payload(), &got); err != nil {
			t.Fatalf("decoding %q: %v", frame.Payload(), err)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		want := map[string]string{"event": valid(name), "data": valid(data)}
		if channel != "" {
			want["channel"] = valid(channel)
		}
		if userID != "" {
			want["user_id"] = valid(userID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decoded event differs (-want +got):\n%s", diff)
		}
	})
}

func BenchmarkEncodeEvent(b *testing.B) {
	for name, data := range benchmarkData() {
		e := protocol.Event{Name: "build:output", Channel: "private-build-7", Data: data}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				protocol.EncodeEvent(e)
			}
		})
	}
}

// benchmarkData returns event data as builds have it.
func benchmarkData() map[string]string {
	return map[string]string{
		"line":   `{"seq":1,"offset":0,"text":"ok  \tbuildrelay/protocol\t0.024s\n"}`,
		"batch":  `{"seq":1,"offset":0,"text":"` + strings.Repeat(`\u001b[32mok\u001b[0m  \tbuildrelay/protocol\t0.024s\n`, 180) + `"}`,
		"base64": `{"seq":1,"offset":0,"base64":"` + strings.Repeat("QUJD", 2000) + `"}`,
	}
}
