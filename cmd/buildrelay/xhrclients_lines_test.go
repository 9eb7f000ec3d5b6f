package main_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

// oddTexts are lines as builds print them, and worse, of each kind that could be counted,
// cut or escaped wrongly on its way through JSON in JSON.
func oddTexts() []string {
	return []string{
		"[INFO] Building module buildrelay 1.4.2 (37/120) and all that it needs ........................................ SUCCESS [  3.412 s]",
		strings.Repeat("naïve café, Größe, e\u0301o\u0308u\u0302 \u1E69\u0323 ", 5),
		strings.Repeat("😀👩‍👩‍👧‍👦𝔘𝔫𝔦🇪🇺", 8),
		"a\u2028b\u2029c\u00a0d\u200be\ufefff\u0085g <script>&amp;</script> " + strings.Repeat("\u2028", 40),
		strings.Repeat(`C:\builds\"quoted"\\\\unc\n{"json":"[\"in\",\"json\"]"} `, 4),
		"\x1b[31mred\x1b[0m\ttab\rreturn\b\f\x00\x01\x7f\nline\r\n" + strings.Repeat("\x1b[K", 30),
		strings.Repeat("日本語のビルドログ・한국어 빌드 로그・سجل البناء ", 5),
		"",
	}
}

// oddLines are numbered lines of all kinds: every 400th is long.
type oddLines []string

func newOddLines(n int) oddLines {
	texts := oddTexts()
	lines := make(oddLines, n)
	for i := range lines {
		lines[i] = strconv.Itoa(i) + " " + texts[i%len(texts)]
		if i%400 == 399 {
			lines[i] += strings.Repeat(texts[(i/400)%len(texts)], 40)
			lines[i] = strings.ToValidUTF8(lines[i][:min(len(lines[i]), 4000)], "")
		}
	}
	return lines
}

// data is the data of the event that says a line: JSON, in every other block of lines
// without a character beyond ASCII.
func (l oddLines) data(t *testing.T, i int) string {
	t.Helper()
	encoded, err := json.Marshal(map[string]any{"n": i, "text": l[i]})
	if err != nil {
		t.Fatalf("encoding a line: %v", err)
	}
	if i/16%2 == 0 {
		return string(encoded)
	}
	return toASCII(string(encoded))
}

// toASCII escapes what is not ASCII in JSON.
func toASCII(text string) string {
	var ascii strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			ascii.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		default:
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		}
	}
	return ascii.String()
}

// expect fails the test unless the page was given the lines so far, each once, in order
// and as it is.
func (l oddLines) expect(t *testing.T, page *relaytest.PusherJS) {
	t.Helper()
	next := 0
	for _, said := range page.Said() {
		if said.Event == "relay:lost" {
			t.Fatalf("the relay has dropped lines: %s", said.Data)
		}
		if said.Type != "event" || said.Event != "line" {
			continue
		}
		line := lineOf(t, said)
		switch {
		case next == len(l):
			t.Fatalf("line %d came, and there are only %d", line.N, len(l))
		case line.N != next:
			t.Fatalf("line %d came, want %d", line.N, next)
		case line.Text != l[next]:
			t.Fatalf("line %d came as %q, want %q", next, line.Text, l[next])
		}
		next++
	}
	if next != len(l) {
		t.Errorf("%d lines came, want %d", next, len(l))
	}
}

// oddLine is a line as it comes.
type oddLine struct {
	N    int
	Text string
}

func lineOf(t *testing.T, said relaytest.Said) (line oddLine) {
	t.Helper()
	if err := json.Unmarshal(said.Data, &line); err != nil {
		t.Fatalf("a line is %s: %v", said.Data, err)
	}
	return line
}

// awaitLine waits until the page was given the line, or one behind it.
func awaitLine(t *testing.T, page *relaytest.PusherJS, n int) {
	t.Helper()
	page.Expect(fmt.Sprintf("line %d", n), func(s relaytest.Said) bool {
		return s.Type == "event" && s.Event == "line" && lineOf(t, s).N >= n
	})
}

// What a client has not taken from a response when it asks for the next one is lost to it,
// and there is no log to read it from again: so this is whether the relay stops where it
// must (protocol.md 6.4). What reads the responses differs between the builds, and how they
// are read between the versions.
func TestPusherJSGetsEveryLineOnceOverHTTP(t *testing.T) {
	t.Parallel()
	pages := [][2]string{{"8.6.0", "node"}, {"3.0.0", "web"}}
	if relaytest.Full() {
		pages = append(pages, [2]string{"8.6.0", "web"})
		for _, version := range relaytest.PusherJSVersions()[1:] {
			pages = append(pages, [2]string{version, "node"})
		}
	}
	for i, page := range pages {
		for _, transport := range httpTransports() {
			if i > 0 && transport == "xhr_polling" && !relaytest.Full() {
				continue // the rule of streams is what matters
			}
			t.Run(strings.Join(append(page[:], transport), " "), func(t *testing.T) {
				getEveryLineOnce(t, page[0], page[1], transport)
			})
		}
	}
}

// getEveryLineOnce has a page straight at the relay and one behind a proxy, which counts
// what it is asked.
func getEveryLineOnce(t *testing.T, version, build, transport string) {
	w := newWorld(t, nil)
	lines := newOddLines(20_000)
	proxy := relaytest.StartHTTPProxy(t, w.Relay, relaytest.HTTPProxyHabits{})
	near := startXHR(t, w, version, transport, relaytest.PusherJSOptions{Build: build, Terse: true})
	far := startXHR(t, w, version, transport, relaytest.PusherJSOptions{Build: build, Terse: true, Via: proxy.Address()})
	for _, page := range []*xhrPage{near, far} {
		page.connected(t)
		page.Subscribe("private-build-7")
		page.ExpectSubscribed("private-build-7")
	}
	publishOdd(t, w, lines, near, far)
	for _, page := range []*xhrPage{near, far} {
		lines.expect(t, page.PusherJS)
		if diff := cmp.Diff([]string{"connecting", "connected"}, page.States()); diff != "" {
			t.Errorf("states (- wanted, + got):\n%s", diff)
		}
	}
	expectRotations(t, w, proxy, transport)
}

// expectRotations fails the test if the page behind the proxy had not three responses and
// more, and the one that is straight at the relay as many.
func expectRotations(t *testing.T, w world, proxy *relaytest.HTTPProxy, transport string) {
	t.Helper()
	if transport == "xhr_polling" {
		if n := proxy.Rotations("xhr"); n < 3 {
			t.Errorf("the page asked again %d times: that says nothing", n)
		}
		return
	}
	n, both := proxy.Rotations("xhr_streaming"), w.Metric("buildrelay_session_rotations_total")
	if n < 3 || both < float64(n+3) {
		t.Errorf("%d streams of the one page were full, and %.0f of both: that says nothing", n, both)
	}
}

// publishOdd publishes lines on a live channel, no faster than pages take them: of more than
// 256 KiB that they have not taken the relay keeps nothing (relay:lost).
func publishOdd(t *testing.T, w world, lines oddLines, pages ...*xhrPage) {
	t.Helper()
	const block = 150
	for from := 0; from < len(lines); from += block {
		pipe := w.redis.Client().Pipeline()
		for i := from; i < min(from+block, len(lines)); i++ {
			message, err := json.Marshal(map[string]string{"event": "line", "data": lines.data(t, i)})
			if err != nil {
				t.Fatalf("encoding a message: %v", err)
			}
			pipe.Publish(t.Context(), "buildrelay:"+relaytest.AppID+":private-build-7", message)
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatalf("publishing in Redis: %v", err)
		}
		for _, page := range pages {
			if from > 0 {
				awaitLine(t, page.PusherJS, from-1)
			}
		}
	}
	for _, page := range pages {
		awaitLine(t, page.PusherJS, len(lines)-1)
	}
}
