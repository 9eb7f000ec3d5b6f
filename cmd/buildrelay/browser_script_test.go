package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scriptedBuild is a build command whose parts a test lets out one by one. It
// prints a part in small pieces with time between, cut anywhere, then waits for
// the test; and so on at every run.
type scriptedBuild struct {
	t     *testing.T
	dir   string
	parts []part
}

// part is a piece of output: as it is printed, and as lines that a terminal shows.
type part struct {
	raw   string
	shown []string
}

// gatedScript waits, for two minutes at most, until it can remove the file
// 'gate', after every part but the last.
const gatedScript = `set -e
for part in parts/*; do
	[ "$part" = parts/0 ] || { tries=0; until rm gate 2>/dev/null; do
		tries=$((tries + 1)); [ "$tries" -lt 2400 ]; sleep 0.05
	done; }
	for piece in "$part"/*; do cat "$piece"; sleep 0.01; done
done
`

// newScriptedBuild writes the script and what it prints into a folder.
func newScriptedBuild(t *testing.T, parts ...part) *scriptedBuild {
	t.Helper()
	s := &scriptedBuild{t: t, dir: t.TempDir(), parts: parts}
	s.write("build.sh", gatedScript)
	for i, p := range parts {
		size := max(307, len(p.raw)/100) // pieces end anywhere
		for n, rest := 0, p.raw; rest != ""; n++ {
			end := min(size, len(rest))
			s.write(fmt.Sprintf("parts/%d/%04d", i, n), rest[:end])
			rest = rest[end:]
		}
	}
	return s
}

func (s *scriptedBuild) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// command is the build's, with a markup of its own.
func (s *scriptedBuild) command() []string {
	return []string{"sh", "build.sh", "<b>markup</b>"}
}

// goOn lets the next part out.
func (s *scriptedBuild) goOn() {
	s.t.Helper()
	s.write("gate", "")
}

// raw and shown are the whole output.
func (s *scriptedBuild) raw() string {
	var raw strings.Builder
	for _, p := range s.parts {
		raw.WriteString(p.raw)
	}
	return raw.String()
}

func (s *scriptedBuild) shown() []string {
	var shown []string
	for _, p := range s.parts {
		shown = append(shown, p.shown...)
	}
	return shown
}

// numberedPart is lines from one number to another in the manners of build tools:
// plain, coloured, with progress that overwrites itself, with characters of two,
// three and four bytes; the last line is last.
func numberedPart(from, to int, last part) part {
	var p part
	for n := from; n <= to; n++ {
		switch n % 10 {
		case 3:
			p.line(fmt.Sprintf("\x1b[1;32mok\x1b[0m   \x1b[36mpackage/%d\x1b[0m\t0.0%ds", n, n%7), fmt.Sprintf("ok   package/%d\t0.0%ds", n, n%7))
		case 5:
			p.line(fmt.Sprintf("%d fetching  12 %%\r%[1]d fetching  56 %%\r%[1]d fetched  100 %%", n), fmt.Sprintf("%d fetched  100 %%", n))
		case 8:
			p.line(fmt.Sprintf("✔ größer %d 🚀 完了\r", n), fmt.Sprintf("✔ größer %d 🚀 完了", n))
		default:
			p.line(fmt.Sprintf("%d compiling a file of the project", n), fmt.Sprintf("%d compiling a file of the project", n))
		}
	}
	p.raw += last.raw
	p.shown = append(p.shown, last.shown...)
	return p
}

// line adds a line. A carriage return at the end of raw belongs to the line end.
func (p *part) line(raw, shown string) {
	p.raw += raw + "\n"
	p.shown = append(p.shown, shown)
}

// same is a part that is shown as it is printed.
func same(lines ...string) part {
	var p part
	for _, line := range lines {
		p.line(line, line)
	}
	return p
}

// hostilePart is lines that become markup, a script or a bad link in a page that
// lets them.
func hostilePart() part {
	p := same(
		`<script>window.pwned = 1</script>`,
		`<img src=x onerror="window.pwned = 2">`,
		`</span></div><svg onload="window.pwned = 3"></svg><style>*{display:none}</style>`,
		`&lt;b&gt; &amp; "quotes" 'and' ${window.pwned = 4} {{constructor.constructor('window.pwned=5')()}}`,
		`javascript:window.pwned=6 data:text/html,<b>x</b> https://example.test/a?b=1&c=<d>`,
	)
	p.line("\x1b]8;;javascript:window.pwned=7\x1b\\click me\x1b]8;;\x1b\\", "click me")
	p.line("\x1b]8;;https://example.test/docs\x1b\\docs\x1b]8;;\x1b\\ and \x1b]0;window title\x07text", "docs and text")
	return p
}
