package mask

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// mustSet is a set of values none of which is refused.
func mustSet(t testing.TB, shapes []Kind, values ...string) *Set {
	t.Helper()
	s, refused := NewSet(values, shapes)
	if len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
	return s
}

// whole masks a text that comes in one piece, and returns the counts, too.
func whole(s *Set, in string) (string, [kinds]int64) {
	m := s.New()
	out := string(m.Write([]byte(in)))
	return out + string(m.Flush()), m.count
}

// pieces masks a text that is cut at places in rising order.
func pieces(s *Set, in string, cuts ...int) (string, [kinds]int64) {
	m := s.New()
	var out strings.Builder
	from := 0
	for _, cut := range append(cuts, len(in)) {
		out.Write(m.Write([]byte(in[from:cut])))
		from = cut
	}
	out.Write(m.Flush())
	return out.String(), m.count
}

var long = strings.Repeat("123456789-", 8)

// texts are secrets and what they are printed in, the hard ones: they repeat their own
// beginning, or something stands in their middle.
var texts = []struct{ name, value, in, want string }{
	{"plain", "hunter2xyz", "password is hunter2xyz, ok\n", "password is ***, ok\n"},
	{"its beginning twice", "ssecret-1", "x sssecret-1 y", "x s*** y"},
	{"one letter again and again", "aaaaaaab", "x aaaaaaaaab y", "x aa*** y"},
	{"its beginning thrice", "1212-1212-1213", "v 1212-1212-1212-1213 w", "v 1212-*** w"},
	{"twice, overlapping", "abcabcabc", "-abcabcabcabc-", "-***-"},
	{"twice, touching", "abcdeg", "<abcdegabcdeg>", "<***>"},
	{"nearly", "hunter2xyz", "hunter2xy hunter2 hunter2xyz", "hunter2xy hunter2 ***"},
	{"two lines, CR LF", "first half\nsecond half", "a\r\nfirst half\r\nsecond half\r\nb", "a\r\n***\r\nb"},
	{"two lines, LF", "first half\nsecond half", "first half\nsecond half\n", "***\n"},
	{"a line of two", "first half\nsecond half", "only second half.", "only ***."},
	{"lines joined by the shell", "ab\ncdefg", "echo ab cdefg", "echo ***"},
	{"a colour inside", "hunter2xyz", "\x1b[1mhunt\x1b[31;1mer2xyz\x1b[0m!", "\x1b[1m***\x1b[0m!"},
	{"a colour at each letter", "hunter", "\x1b[1mh\x1b[2mu\x1b[3mn\x1b[1mt\x1b[2me\x1b[3mr\x1b[m.", "\x1b[1m***\x1b[m."},
	{"a timestamp inside", "hunter2xyz", "hunt\r\n\x1b_bk;t=1700000000000\aer2xyz\r\n", "***\r\n"},
	{"a title inside", "hunter2xyz", "hunt\x1b]0;title\x1b\\er2xyz", "***"},
	{"a title that never ends inside", "hunter2xyz", "hunt\x1b]0;title\ner2xyz\x1b]0;", "***\x1b]0;"},
	{"in a title", "hunter2xyz", "\x1b]0;hunter2xyz\ahello", "\x1b]0;***\ahello"},
	{"in a link, wrapped", "hunter2xyz", "\x1b]8;;http://a/?hunter2xyz\x1b\\hunter2\nxyz\x1b]8;;\x1b\\", "\x1b]8;;http://a/?***\x1b\\***\x1b]8;;\x1b\\"},
	{"eaten by a sequence", "hunter2xyz", "\x1bhunter2xyz \x1b[31hunter2xyz", "\x1b*** \x1b[31***"},
	{"a picture before", "hunter2xyz", "\x1bPq#0\n#1\x1b\\hunter2xyz", "\x1bPq#0\n#1\x1b\\***"},
	{"a sequence that breaks off", "hunter2xyz", "hunt\x1b[3\x1b[0mer2xyz\x1b", "***\x1b"},
	{"wrapped", "hunter2xyz", "hunter2\r\nxyz hun\nter2xyz\n", "*** ***\n"},
	{"wrapped behind its first two bytes", "hunter2xyz", "hu\r\nnter2xyz", "hu\r\n***"},
	{"a bar that returns", "hunter2xyz", "10%\rhunter2xyz\r20%", "10%\r***\r20%"},
	{"behind what a sequence may begin", "xy" + long + "\n[mxy-other", "\x1b[mxy\n" + long + "!", "\x1b[m***!"},
	{"a value with a sequence in it", "hun\x1b[1mter2", "(hun\x1b[1mter2)", "(***)"},
}

func TestSecretsAreMasked(t *testing.T) {
	for _, tt := range texts {
		if got, _ := whole(mustSet(t, nil, tt.value), tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNoCutInOneOrTwoPlacesChangesTheOutput(t *testing.T) {
	for _, tt := range texts {
		s := mustSet(t, Shapes(), tt.value, "hunter2-and-more", "xaaaaaaaz", "sssecret")
		everyCut(t, s, tt.name, tt.in)
	}
	for _, tt := range shapeTexts {
		everyCut(t, mustSet(t, Shapes()), tt.name, tt.in)
	}
}

func everyCut(t *testing.T, s *Set, name, in string) {
	t.Helper()
	want, hits := whole(s, in)
	in = in[:min(len(in), 160)]
	if len(in) == 160 {
		want, hits = whole(s, in)
	}
	for i := range len(in) + 1 {
		for j := i; j <= len(in); j++ {
			if got, count := pieces(s, in, i, j); got != want || count != hits {
				t.Fatalf("%s, cut at %d and %d: %q with %v, want %q with %v", name, i, j, got, count, want, hits)
			}
		}
	}
}

func TestOnlyWhatMayBecomeAHitIsHeldBack(t *testing.T) {
	s := mustSet(t, Shapes(), "hunter2xyz", "xyzzy-hunt")
	for in, want := range map[string]string{
		"hello!":                         "hello!",
		"say hunt":                       "say ",
		"say h":                          "say ",
		"say hunter2xy":                  "say ",
		"say hunter2xyz":                 "say ***",
		"say hunter2xyzz":                "say ***", // the z may go on as the other value
		"say hunter2xyz and hu":          "say *** and ",
		"hunter2 ":                       "hunter2 ",
		"line\n":                         "line\n",
		"line hu\n":                      "line hu\n",
		"line hun\n":                     "line ",
		"\x1b[3":                         "\x1b[3",
		"hun\x1b[31m":                    "",
		"https://user":                   "https://",
		"https://host/":                  "https://host/",
		"token: ghp_abc":                 "token: ghp_",
		"----------":                     "----------",
		"-----BEGIN RSA PRIVATE KEY----": "-----BEGIN RSA PRIVATE KEY----",
	} {
		m := s.New()
		if got := string(m.Write([]byte(in))); got != want {
			t.Errorf("of %q is shown %q, want %q", in, got, want)
		}
	}
}

func TestWhatWaitsIsReleasedUnlessMuchOfASecretMayBeInIt(t *testing.T) {
	s := mustSet(t, Shapes(), "hunter2xyz")
	for _, tt := range []struct{ in, released, rest, want string }{
		{"Password: h", "h", "ello!", "ello!"},
		{"Password: hun", "hun", "ter2xyz!", "***!"},
		{"Password: hunt", "", "er2xyz!", "***!"},
		{"Password: hunt", "", "ed", "hunted"},
		{"https://example.com", "example.com", "\n", "\n"},
		{"https://bob", "bob", ":pass@host", "***@host"},
		{"https://bob:pass", "", "@host", "***@host"},
		{"ghp_abc", "abc", "\n", "\n"},
	} {
		m := s.New()
		m.Write([]byte(tt.in))
		released := string(m.Release())
		again := string(m.Release())
		rest := string(m.Write([]byte(tt.rest)))
		rest += string(m.Flush())
		if released != tt.released || again != "" || rest != tt.want {
			t.Errorf("%q: released %q and %q, then %q, want %q, then %q", tt.in, released, again, rest, tt.released, tt.want)
		}
	}
}

// A program that prints one letter after the other, with a pause behind each, shows
// three letters at most.
func TestASlowPrinterShowsThreeBytes(t *testing.T) {
	m := mustSet(t, nil, "hunter2xyz").New()
	var out []byte
	for _, c := range []byte("<hunter2xyz>") {
		out = append(out, m.Write([]byte{c})...)
		out = append(out, m.Release()...)
	}
	if got := string(append(out, m.Flush()...)); got != "<hun***>" {
		t.Errorf("shown is %q", got)
	}
}

func TestNothingIsLeftAtTheEndAndTheNextStreamIsAnother(t *testing.T) {
	m := mustSet(t, Shapes(), "hunter2xyz").New()
	write := func(in string) string {
		out := string(m.Write([]byte(in)))
		return out + string(m.Flush())
	}
	if got := write("hunter2"); got != "hunter2" || m.Holding() {
		t.Errorf("shown is %q", got)
	}
	if got := write("xyz hunter2xyz"); got != "xyz ***" || m.Hits(Value) != 1 {
		t.Errorf("then %q with %d hits", got, m.Hits(Value))
	}
}

// What is between the parts of a value cannot be without end: it is held back.
func TestWhatIsHeldBackIsBounded(t *testing.T) {
	s := mustSet(t, nil, "hunter2xyz")
	for _, filler := range []string{"\n", "\x1b[0m", "\x1b]0;title\a", "\x1b]never ended", "\x1bPnever\nended"} {
		m := s.New()
		m.Write([]byte("hunter"))
		for range 8 << 10 {
			m.Write([]byte(filler))
			if held := len(m.held) - m.shown; held > maxGap+100 {
				t.Fatalf("%q: %d bytes are held", filler, held)
			}
		}
	}
	m := mustSet(t, nil, strings.Repeat("a", 60)+"b").New()
	m.Write([]byte("aaa"))
	for range 50 {
		m.Write(append(bytes.Repeat([]byte("\n"), maxGap-10), 'a'))
		if held := len(m.held) - m.shown; held > maxGaps+4*maxGap { // before its fourth byte a value does not count
			t.Fatalf("%d bytes are held", held)
		}
	}
	if len(m.gaps) > 100 {
		t.Errorf("%d gaps", len(m.gaps))
	}
}

func TestHitsAreCountedByKind(t *testing.T) {
	s := mustSet(t, Shapes(), "hunter2xyz")
	_, hits := whole(s, "hunter2xyz hunter2xyz AKIAIOSFODNN7EXAMPLE https://a:b@c")
	for k, n := range hits {
		want := map[Kind]int64{Value: 2, AWSKey: 1, URLPassword: 1}[Kind(k)]
		if n != want {
			t.Errorf("%d of %s, want %d", n, Kind(k), want)
		}
	}
}

func TestNothingIsMaskedWhereNothingIsRegistered(t *testing.T) {
	s, _ := NewSet(nil, nil)
	for _, tt := range slices.Concat(texts, shapeTexts) {
		if got, _ := whole(s, tt.in); got != tt.in {
			t.Errorf("%q became %q", tt.in, got)
		}
	}
}
