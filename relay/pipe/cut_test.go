package pipe

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/relaytest"
)

func TestPieceIsWholeCharactersSequencesAndLineEnds(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string // "" if more is needed
	}{
		{"ab", "a"},
		{"é!", "é"},
		{"\xc3", ""},
		{"\xe2\x82", ""},
		{"\xc3a", "\xc3"}, // invalid: a byte of its own
		{"\xff", "\xff"},
		{"\r", ""},
		{"\r\n\n", "\r\n"},
		{"\r\r\n", "\r"},
		{"\rx", "\r"},
		{"\x1b", ""},
		{"\x1b[", ""},
		{"\x1b[1;31", ""},
		{"\x1b[1;31mred", "\x1b[1;31m"},
		{"\x1b[?25l", "\x1b[?25l"},
		{"\x1b[3\nx", "\x1b[3"}, // malformed: ends before what is wrong
		{"\x1b[3é", "\x1b[3"},
		{"\x1b]0;title", ""},
		{"\x1b]0;title\ax", "\x1b]0;title\a"},
		{"\x1b]8;;http://a\x1b\\link", "\x1b]8;;http://a\x1b\\"},
		{"\x1b]8;;http://a\x1b", ""},
		{"\x1b]never ended\x1b[0m", "\x1b]never ended"},
		{"\x1b]never ended\nnext", "\x1b]never ended"},
		{"\x1b_bk;t=1700000000000\aline", "\x1b_bk;t=1700000000000\a"},
		{"\x1bPq picture\nrow\x1b\\", "\x1bPq picture\nrow\x1b\\"},
		{"\x1b(Bx", "\x1b(B"},
		{"\x1b(", ""},
		{"\x1b7x", "\x1b7"},
		{"\x1b\x1b[m", "\x1b"},
		{"\x1b\n", "\x1b"},
	} {
		if got := tt.in[:piece([]byte(tt.in))]; got != tt.want {
			t.Errorf("piece(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCutterCutsBehindLineEnds(t *testing.T) {
	c := NewCutter(20)
	got := strings1(c.Write(Stdout, []byte("one\ntwo\nthree and more\n")))
	got = append(got, strings1(c.Close())...)
	// "one\ntwo\n" is 10 bytes of JSON, and the third line does not fit behind it.
	want := []string{"one\ntwo\n", "three and more\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCutterCutsWhatAloneExceedsTheLimit(t *testing.T) {
	for name, in := range map[string]string{
		"line":       strings.Repeat("x", 100),
		"characters": strings.Repeat("€", 40),
		"sequence":   "\x1b]0;" + strings.Repeat("x", 100) + "\a",
		"unfinished": "\x1b]0;" + strings.Repeat("x", 100),
		"not UTF-8":  strings.Repeat("\xff", 100),
		"controls":   strings.Repeat("\x01", 100),
	} {
		c := NewCutter(16)
		got := append(c.Write(Stdout, []byte(in)), c.Close()...)
		if joined := string(bytes.Join(got, nil)); joined != in {
			t.Errorf("%s: got %q, want %q", name, joined, in)
		}
		for _, batch := range got {
			if size := encodedSize(batch); size > 16 {
				t.Errorf("%s: a batch of %d bytes: %q", name, size, batch)
			}
		}
	}
}

func TestCutterHoldsBackWhatIsIncomplete(t *testing.T) {
	c := NewCutter(100)
	for _, step := range []struct{ write, flushed string }{
		{"50%\r", "50%"},
		{"\n\xe2\x82", "\r\n"},
		{"\xac\x1b[3", "€"},
		{"1mred", "\x1b[31mred"},
	} {
		c.Write(Stdout, []byte(step.write))
		if got := string(c.Flush()); got != step.flushed {
			t.Errorf("after %q: flushed %q, want %q", step.write, got, step.flushed)
		}
	}
}

func TestCutterKeepsStreamsOutOfEachOthersPieces(t *testing.T) {
	c := NewCutter(100)
	c.Write(Stdout, []byte("out \x1b[3"))
	c.Write(Stderr, []byte("err \xe2"))
	c.Write(Stdout, []byte("1m red"))
	c.Write(Stderr, []byte("\x82\xac"))
	if got, want := string(c.Flush()), "out err \x1b[31m red€"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextSizeIsThatOfTheEncoder(t *testing.T) {
	for _, r := range append(slices.Collect(runes(0x3000)), '\ud7ff', utf8.RuneError, '\uffff', '😀', utf8.MaxRune) {
		b := utf8.AppendRune(nil, r)
		if got, want := measure(b).size(), encodedSize(b); got != want {
			t.Fatalf("%U: got %d, want %d", r, got, want)
		}
	}
}

// The real logs, byte for byte, in reads of awkward sizes.
func TestCutterIsLosslessOnRealLogs(t *testing.T) {
	const limit = 10240
	for _, name := range relaytest.RealLogs(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var out []byte
			batches := cutAll(NewCutter(limit-outputEnvelope), in, 4093)
			for _, batch := range batches {
				data, err := encode(newOutput(place{int64(len(out)), 1}, batch))
				if err != nil {
					t.Fatal(err)
				}
				if len(data) > limit {
					t.Fatalf("an event of %d bytes", len(data))
				}
				var o Output
				if err := json.Unmarshal([]byte(data), &o); err != nil {
					t.Fatal(err)
				}
				out = append(out, o.Bytes()...)
			}
			if !bytes.Equal(in, out) {
				t.Error("what comes out is not what went in")
			}
			head := in[:min(len(in), 200_000)] // the check is slow
			checkCuts(t, head, cutAll(NewCutter(limit-outputEnvelope), head, 4093), limit-outputEnvelope)
		})
	}
}

// FuzzCut cuts data in writes and flushes of any kind. Each byte of ops is one
// write of that many bytes (over 127: followed by a flush).
func FuzzCut(f *testing.F) {
	f.Add([]byte("plain\nlines\r\nand \x1b[1;31mcolour\x1b[0m\r50%\r100%\r\n"), []byte{3, 130, 1}, 30)
	f.Add([]byte("€uro \xff\xfe\xe2\x82 broken \x1b]0;title\a\x1b_bk;t=1\a"), []byte{1}, 20)
	f.Add([]byte("\x1b]8;;http://example.com/long/enough\x1b\\link\x1b]8;;\x1b\\"), []byte{129, 2}, 40)
	f.Add([]byte("\x1bPq never ended \x1b[3\n\x1b\x1b(B\r\r\n"), []byte{200}, 16)
	f.Fuzz(func(t *testing.T, in, ops []byte, limit int) {
		limit = minCutLimit + (limit&0xfff)%300

		// However the input is split into writes, the batches are the same.
		whole := cutAll(NewCutter(limit), in, len(in))
		for _, n := range []int{1, 7} {
			if diff := cmp.Diff(whole, cutAll(NewCutter(limit), in, n)); diff != "" {
				t.Fatalf("split into writes of %d: %s", n, diff)
			}
		}
		checkCuts(t, in, whole, limit)
		checkCuts(t, in, cutWith(NewCutter(limit), in, ops), limit)
	})
}

// checkCuts checks what is promised of batches.
func checkCuts(t *testing.T, in []byte, batches [][]byte, limit int) {
	t.Helper()
	if !bytes.Equal(bytes.Join(batches, nil), in) {
		t.Fatalf("got %q, want %q", batches, in)
	}
	uncut := uncuttable(in, limit)
	at := 0
	for i, batch := range batches {
		if len(batch) == 0 || encodedSize(batch) > limit {
			t.Fatalf("batch %q: %d bytes of JSON, limit %d", batch, encodedSize(batch), limit)
		}
		at += len(batch)
		if uncut[at] && i < len(batches)-1 {
			t.Fatalf("cut behind %q, before %q", batch, batches[i+1])
		}
	}
}

// uncuttable returns, by other means than the cutter's, the places in b where
// it must not be cut: 1 if between b[0] and b[1].
func uncuttable(b []byte, limit int) []bool {
	const end = `(\x07|\x18|\x1a|\x1b\\)`
	sequences := regexp.MustCompile(
		`\x1b\[[\x20-\x3f]*[\x40-\x7e]` +
			`|\x1b[\]_^X][^\x07\x18\x1a\x1b\r\n]*` + end +
			`|\x1bP[^\x07\x18\x1a\x1b]*` + end +
			`|\x1b[0-OQ-WYZ\x60-~]|\x1b[\x20-\x2f]+[\x30-\x7e]`)
	places := make([]bool, len(b)+1)
	inside := func(from, to int) {
		for i := from + 1; i < to; i++ {
			places[i] = true
		}
	}
	for _, m := range sequences.FindAllIndex(b, -1) {
		if encodedSize(b[m[0]:m[1]]) <= limit {
			inside(m[0], m[1])
		}
	}
	for i := range b {
		_, n := utf8.DecodeRune(b[i:])
		inside(i, i+n)
		if bytes.HasPrefix(b[i:], []byte("\r\n")) {
			inside(i, i+2)
		}
	}
	return places
}

// encodedSize measures a batch with the encoders themselves.
func encodedSize(b []byte) int {
	if !utf8.Valid(b) {
		return base64.StdEncoding.EncodedLen(len(b))
	}
	text, err := encode(string(b))
	if err != nil {
		panic(err)
	}
	return len(text) - len(`""`)
}

// runes yields the characters before end.
func runes(end rune) iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for r := rune(0); r < end && yield(r); r++ {
		}
	}
}

// cutAll writes in by n bytes.
func cutAll(c *Cutter, in []byte, n int) (batches [][]byte) {
	for len(in) > 0 {
		n = min(n, len(in))
		batches = append(batches, c.Write(Stdout, in[:n])...)
		in = in[n:]
	}
	return append(batches, c.Close()...)
}

// cutWith writes and flushes as ops say, again and again.
func cutWith(c *Cutter, in, ops []byte) (batches [][]byte) {
	for i := 0; len(in) > 0; i++ {
		op := byte(1)
		if len(ops) > 0 {
			op = ops[i%len(ops)]
		}
		n := min(int(op&0x7f)+1, len(in))
		batches = append(batches, c.Write(Stdout, in[:n])...)
		in = in[n:]
		if op <= 0x7f {
			continue
		}
		if last := c.Flush(); last != nil {
			batches = append(batches, last)
		}
	}
	return append(batches, c.Close()...)
}

func strings1(batches [][]byte) (out []string) {
	for _, b := range batches {
		out = append(out, string(b))
	}
	return out
}

func BenchmarkCut(b *testing.B) {
	in := bytes.Repeat([]byte("2024-01-01T00:00:00Z \x1b[32mok\x1b[0m  building package number one\r\n"), 1000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		cutAll(NewCutter(10000), in, 32<<10)
	}
}
