package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestLastLinesAreThoseThatTailPrints(t *testing.T) {
	cases := []struct {
		pieces string // with | between them
		n      int
		want   string
	}{
		{"", 3, ""},
		{"a\nb\nc\n", 0, ""},
		{"a\nb\nc\n", 1, "c\n"},
		{"a\nb\nc\n", 2, "b\nc\n"},
		{"a\nb\nc\n", 3, "a\nb\nc\n"},
		{"a\nb\nc\n", 9, "a\nb\nc\n"},
		{"a\nb\nc", 1, "c"},
		{"a\nb\nc", 2, "b\nc"},
		{"a|\nb|b\n||c\n", 1, "c\n"},
		{"a|\nb|b\n||c\n", 2, "bb\nc\n"},
		{"a|\nb|b\n||c\n", 3, "a\nbb\nc\n"},
		{"\n\n\n", 2, "\n\n"},
		{"a\n|", 1, "a\n"},
	}
	for _, c := range cases {
		var pieces []piece
		for text := range strings.SplitSeq(c.pieces, "|") {
			pieces = append(pieces, piece{text: []byte(text)})
		}
		got := ""
		for _, p := range lastLines(pieces, c.n) {
			got += string(p.text)
		}
		if got != c.want {
			t.Errorf("the last %d of %q: %q, want %q", c.n, c.pieces, got, c.want)
		}
	}
}

func TestWhatIsMissingBeforeTheLastLinesIsNotTold(t *testing.T) {
	pieces := []piece{{missing: "before", text: []byte("a\nb\n")}, {missing: "between", text: []byte("c\n")}}
	for n, want := range map[int]string{1: "between", 2: "between", 3: "before between", 9: "before between"} {
		var told []string
		for _, p := range lastLines(pieces, n) {
			if p.missing != "" {
				told = append(told, p.missing)
			}
		}
		if got := strings.Join(told, " "); got != want {
			t.Errorf("the last %d: told %q, want %q", n, got, want)
		}
	}
}

func TestTailFlags(t *testing.T) {
	cases := []struct{ args, want string }{
		{"private-a", `{channel:"private-a" follow:true lines:-1}`},
		{"-n 5 private-a", `{channel:"private-a" follow:true lines:5}`},
		{"private-a --no-follow -n 0", `{channel:"private-a" follow:false lines:0}`},
		{"private-a -f=false", `{channel:"private-a" follow:false lines:-1}`},
		{"private-a --print-url", `{channel:"private-a" follow:true lines:-1}`},
		{"", "tail needs a channel"},
		{"a b", `no argument "b"`},
		{"a:b", "Invalid channel name"},
		{"a -n 5 --since 0:0-0", "give one"},
		{"a --print-url -n 5", "--print-url is for the whole log"},
		{"a --since x", "invalid position"},
	}
	for _, c := range cases {
		f, err := parseTailFlags(strings.Fields(c.args))
		got := fmt.Sprintf("{channel:%q follow:%v lines:%d}", f.channel, f.follow, f.lines)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.args, got, c.want)
		}
	}
}
