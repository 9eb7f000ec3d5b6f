package masks

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// cutTexts are outputs with secrets of cutValues in them, the hard ones of relay/mask.
var cutTexts = []struct{ in, want string }{
	{"say hunter2xyz!", "say ***!"},
	{"x sssecret-1 y", "x s*** y"},
	{"v 1212-1212-1212-1213 w", "v 1212-*** w"},
	{"-abcabcabcabc-", "-***-"},
	{"\x1b[1mhunt\x1b[31mer2xyz\x1b[0m!", "\x1b[1m***\x1b[0m!"},
	{"hunt\r\ner2xyz\r\n", "***\r\n"},
	{"eCBodW50ZXIyeHl6IHk=", "eCB***Ugc="},
}

var cutValues = []string{secret, "ssecret-1", "1212-1212-1213", "abcabcabc"}

// starsRun is stars of parts that touch.
var starsRun = regexp.MustCompile(`(\*\*\*)+`)

func textOf(t *testing.T, data string) string {
	t.Helper()
	var record struct{ Text string }
	if err := json.Unmarshal([]byte(data), &record); err != nil {
		t.Fatal(err)
	}
	return record.Text
}

// parsed is data as pusher-js gives it to a page, where it is no object or list.
func parsed(data string) (text string) {
	if json.Unmarshal([]byte(data), &text) != nil {
		return data
	}
	return text
}

func inText(text string) string {
	data, _ := json.Marshal(map[string]string{"text": text})
	return string(data)
}

func TestNoPartOfAValueIsPublishedHoweverOneCallCutsIt(t *testing.T) {
	t.Parallel()
	r := newRig(t, cutValues...)
	for _, tt := range cutTexts {
		want := starsRun.ReplaceAllString(r.show("", tt.in), "***")
		if !strings.HasPrefix(want, tt.want[:strings.Index(tt.want, "***")+3]) {
			t.Fatalf("%q becomes %q", tt.in, want)
		}
		for i := range len(tt.in) + 1 {
			for j := i; j <= len(tt.in); j++ {
				parts := []string{tt.in[:i], tt.in[i:j], tt.in[j:]}
				got := ""
				for _, data := range r.publish(parts...) {
					got += parsed(data)
				}
				if got = starsRun.ReplaceAllString(got, "***"); got != want {
					t.Fatalf("%q, cut at %d and %d: %q, want %q", tt.in, i, j, got, want)
				}
				r.publish("\n") // so that nothing is open
				var text string
				for _, data := range r.publish(inText(tt.in[:i]), `{"other":1}`, inText(tt.in[i:j]), inText(tt.in[j:])) {
					text += textOf(t, data)
				}
				if got := starsRun.ReplaceAllString(text, "***"); got != want {
					t.Fatalf("%q as JSON, cut at %d and %d: %q, want %q", tt.in, i, j, got, want)
				}
				r.publish("\n")
			}
		}
	}
}

// Of a value that comes in three calls, or from three publishers, the last part is masked, and
// whatever a node knows of the first.
func TestTheRestOfAValueIsMaskedThatBeganInAnotherCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	for i := 1; i < len(secret); i++ {
		for j := i + 1; j < len(secret); j++ {
			parts := []string{"say " + secret[:i], secret[i:j], secret[j:] + "!"}
			var got []string
			for _, part := range parts {
				got = append(got, r.publish(inText(part))...)
			}
			if want := []string{inText(parts[0]), inText(parts[1]), inText("***!")}; !cmp.Equal(want, got) {
				t.Fatalf("published is %q, want %q", got, want)
			}
		}
		if got := r.show(inText("say "+secret[:i]), inText(secret[i:]+"!")); got != inText("***!") {
			t.Fatalf("shown is %s", got)
		}
	}
}

func TestEventsOfSeveralChannelsArePublishedAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.register("b", 2, "31415926")
	events := []protocol.Event{
		{Channel: channel, Data: "hunter"},
		{Channel: "b", Data: "3141"},
		{Channel: "c", Data: "hunter"},
		{Channel: channel, Data: "2xyz"},
		{Channel: "c", Data: "2xyz"},
		{Channel: "b", Data: "5926"},
	}
	r.Publishing(app, events)
	var got []string
	for _, e := range events {
		got = append(got, e.Data)
	}
	if want := []string{"***", `"***"`, "hunter", "***", "2xyz", `"***"`}; !cmp.Equal(want, got) {
		t.Errorf("published is %q, want %q", got, want)
	}
}

func TestWhatWasPublishedIsShownAsItIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret, "31415926")
	published := r.publish(inText("hunter"), inText("2xyz"), "31415926", `{"pin":31415926}`)
	before := ""
	for _, data := range published {
		if got := r.show(before, data); got != data {
			t.Errorf("%s is shown as %s", data, got)
		}
		before = data
	}
}

// A private key that is printed line by line is masked to its end.
func TestALongTokenIsFollowedOverManyCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.rules = protocol.MaskRules{{Pattern: "*", Field: "text", Shapes: true}}
	r.publish("-----BEGIN RSA PRIV")
	r.publish("ATE KEY-----\n")
	for i := range 50 {
		line := strings.Repeat("MIIEvQIBADANBgkq", 4)
		if got := r.publish(line); got[0] != "***" {
			t.Fatalf("line %d is published as %q", i, got)
		}
	}
	if got := r.publish("\n-----END RSA PRIVATE KEY-----\nnext MIIE")[0]; !strings.HasSuffix(got, "END RSA PRIVATE KEY-----\nnext MIIE") {
		t.Errorf("its end is published as %q", got)
	}
}

func TestLittleIsRememberedOfWhatWasPublished(t *testing.T) {
	t.Parallel()
	r := newRig(t, "a"+strings.Repeat("b", 15<<10))
	name := protocol.ChannelName{App: app, Channel: channel}
	r.publish("nothing of it")
	if got := r.open.of(name); got != "" {
		t.Errorf("of ordinary output %q is remembered", got)
	}
	for range 100 {
		r.publish("a" + strings.Repeat("b", 1<<10) + strings.Repeat("\n", 1000))
	}
	if got := r.open.of(name); len(got) > maxOpen {
		t.Errorf("%d bytes are remembered", len(got))
	}
}
