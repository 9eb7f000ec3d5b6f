package main

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"buildrelay/protocol"
)

// A response is cut into the same lines however it arrives.
func TestResponseLinesAreWholeHoweverTheyArrive(t *testing.T) {
	want := []string{strings.Repeat("h", 2048), "o", `a["ü"]`, strings.Repeat("x", 5*viewerBuffer), "", "h"}
	text := strings.Join(want, "\n") + "\n"
	for name, in := range map[string]io.Reader{
		"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)),
		"by halves": iotest.HalfReader(strings.NewReader(text)), "with the end": iotest.DataErrReader(strings.NewReader(text)),
	} {
		t.Run(name, func(t *testing.T) {
			lines := responseLines{in: in}
			for _, want := range want {
				if got, err := lines.next(); err != nil || string(got) != want {
					t.Fatalf("%.50q, %v; want %.50q", got, err, want)
				}
			}
			if got, err := lines.next(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("in the end %q, %v", got, err)
			}
			if want := len(utf16.Encode([]rune(text))); lines.units != want {
				t.Errorf("%d units, want %d", lines.units, want)
			}
		})
	}
}

func TestResponseThatEndsInALineIsAnError(t *testing.T) {
	lines := responseLines{in: strings.NewReader("h\na[")}
	if _, err := lines.next(); err != nil {
		t.Error(err)
	}
	if _, err := lines.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

// A client goes on with another response after 262,144 units, and when it has read all.
func TestResponseIsTooLongAsForPusherJS(t *testing.T) {
	filler := strings.Repeat("😀", maxResponse/2-2) + "xyz\n" // as long as the bound
	tests := []struct {
		name, text string
		lines      int
		want       bool
	}{
		{"at the bound", filler, 1, false},
		{"beyond it", filler + "h\n", 2, true},
		{"beyond it, with a rest", filler + "h\na", 2, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines := responseLines{in: strings.NewReader(test.text)}
			for range test.lines {
				if _, err := lines.next(); err != nil {
					t.Fatal(err)
				}
			}
			if got := lines.tooLong(); got != test.want {
				t.Errorf("%v with %d units", got, lines.units)
			}
		})
	}
}

func TestUnitsAreThoseOfUTF16(t *testing.T) {
	for _, text := range []string{"", "a", "abcdefgh", "abcdefghijkü", "ü234567890", "日本語のテキスト", "1234567😀", "\u2028\U0010ffff"} {
		if got, want := units([]byte(text)), len(utf16.Encode([]rune(text))); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// newTestViewer returns one that is connecting, to whom some lines were published.
func newTestViewer(published int) *viewer {
	a := &audience{sent: make([]atomic.Int64, published), door: make(chan struct{}, 1)}
	a.door <- struct{}{}
	return &viewer{audience: a}
}

// frameOf is a frame that holds messages, as a receive request is answered.
func frameOf(messages ...protocol.Frame) string {
	text := func(f protocol.Frame) string {
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		return `"` + escaped.Replace(string(f.Payload())) + `"`
	}
	var all []string
	for _, m := range messages {
		all = append(all, text(m))
	}
	return "a[" + strings.Join(all, ",") + "]"
}

func lineFrame(n int) protocol.Frame {
	return protocol.EncodeEvent(protocol.Event{Name: eventName, Channel: audienceTopic, Data: lineData(n)})
}

// A viewer takes every line once and in order, and nothing that pusher-js would stumble
// over.
func TestXHRViewerDemandsEveryLineOnce(t *testing.T) {
	succeeded := frameOf(protocol.Succeeded(audienceTopic))
	tests := []struct {
		name   string
		frames []string
		good   bool
	}{
		{"each a frame", []string{"o", succeeded, frameOf(lineFrame(0)), "h", frameOf(lineFrame(1)), frameOf(lineFrame(2))}, true},
		{"in one frame", []string{"o", "a[]", frameOf(protocol.Succeeded(audienceTopic), lineFrame(0), lineFrame(1), lineFrame(2))}, true},
		{"one is missing", []string{"o", succeeded, frameOf(lineFrame(0), lineFrame(2))}, false},
		{"the first is missing", []string{"o", succeeded, frameOf(lineFrame(1), lineFrame(2))}, false},
		{"one comes twice", []string{"o", succeeded, frameOf(lineFrame(0), lineFrame(1)), frameOf(lineFrame(1), lineFrame(2))}, false},
		{"one was never published", []string{"o", succeeded, frameOf(lineFrame(0), lineFrame(1), lineFrame(2), lineFrame(3))}, false},
		{"no o", []string{succeeded, frameOf(lineFrame(0), lineFrame(1), lineFrame(2))}, false},
		{"o twice", []string{"o", succeeded, frameOf(lineFrame(0)), "o", frameOf(lineFrame(1), lineFrame(2))}, false},
		{"a blank line", []string{"o", succeeded, "", frameOf(lineFrame(0), lineFrame(1), lineFrame(2))}, false},
		{"closed", []string{"o", succeeded, frameOf(lineFrame(0), lineFrame(1), lineFrame(2)), `c[4200,"x"]`}, false},
		{"another event", []string{"o", succeeded, frameOf(lineFrame(0), lineFrame(1), lineFrame(2), protocol.Pong())}, false},
		{"no string", []string{"o", `a[{"event":"line","data":""}]`}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			x := newXHR(newTestViewer(3))
			var err error
			for _, frame := range test.frames {
				if err == nil {
					err = x.frame(t.Context(), []byte(frame))
				}
			}
			if good := err == nil; good != test.good || good && len(x.viewer.took) != 3 {
				t.Errorf("the viewer has %d lines and says %v", len(x.viewer.took), err)
			}
		})
	}
}

func TestWebSocketViewerTakesTheSameLines(t *testing.T) {
	v := newTestViewer(2)
	for _, message := range []protocol.Frame{protocol.Succeeded(audienceTopic), lineFrame(0), lineFrame(1)} {
		if err := v.take(message.Payload(), `"`, nil); err != nil {
			t.Error(err)
		}
	}
	if len(v.took) != 2 || v.audience.received.Load() != 2 || v.audience.subscribed.Load() != 1 {
		t.Errorf("%d lines, %d received, %d subscriptions", len(v.took), v.audience.received.Load(), v.audience.subscribed.Load())
	}
}

func TestLineDataHasItsLengthAndNumber(t *testing.T) {
	for _, n := range []int{0, 7, 1834, 100_000} {
		data := lineData(n)
		if got, ok := numberIn([]byte(data)); len(data) != lineLength || !ok || got != n {
			t.Errorf("line %d is of %d bytes and has number %d, %v", n, len(data), got, ok)
		}
	}
}
