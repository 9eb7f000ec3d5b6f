package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// output is what the lines of writers are filled with: output of builds, with colours and
// with what is no ASCII. All lines are pieces of it, and share its memory.
type output struct {
	text   string
	starts []int // of its lines
}

// newOutput makes 256 KiB, always the same.
func newOutput() *output {
	const size = 256 << 10
	words := []string{
		"compiling", "ok", "\x1b[32mPASS\x1b[0m", "\x1b[31mFAIL\x1b[0m", "→", "relay/transport", "0.021s", "✓", "npm WARN", "deprecated",
		"https://registry.example.com/left-pad", "Überprüfung", "进行中", "[====>   ]", "at Object.<anonymous> (index.js:12:7)",
	}
	d := rand.New(rand.NewPCG(1, 2))
	o := &output{}
	var text strings.Builder
	for n := 1; text.Len() < size; n++ {
		o.starts = append(o.starts, text.Len())
		fmt.Fprintf(&text, "%d", n)
		for range 2 + d.IntN(6) {
			text.WriteString(" " + words[d.IntN(len(words))])
		}
		text.WriteByte('\n')
	}
	o.text = text.String()
	return o
}

// lines are whole lines of about n bytes, from anywhere.
func (o *output) lines(d dice, n int) string {
	n = min(n, len(o.text)/2)
	start := o.starts[d.IntN(len(o.starts)/2)]
	if line := strings.IndexByte(o.text[start+n:], '\n'); line >= 0 {
		n += line
	}
	return o.text[start : start+n]
}
