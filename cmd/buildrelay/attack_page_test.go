package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// failingScript prints a file in the first build, which fails. The second has nothing to say.
const failingScript = `mkdir once 2>/dev/null || exec sleep 600; cat "$0"; exit 3`

// terminalPart is output that takes over a terminal which lets it, or deceives who reads it.
func terminalPart() part {
	var p part
	p.line("tests \x1b[31mFAILED\x1b[0m\r\x1b[32mtests PASSED\x1b[0m", "tests PASSED")
	p.line("Build 1 passed, complete", "Build 1 passed, complete")
	p.line("screen\x1b[2J\x1b[3J\x1b[?1049h\x1b[H is not cleared", "screen is not cleared")
	p.line("title\x1b]0;pwned\x07\x1b]2;pwned\x1b\\", "title")
	p.line("clipboard\x1b]52;c;cHduZWQ=\x07", "clipboard")
	p.line("questions\x1b[c\x1b[6n\x1bP$qm\x1b\\\x1b[>q", "questions")
	p.line("image\x1b]1337;File=inline=1:"+strings.Repeat("iVBORw0KGgo", 1000)+"\x07", "image")
	p.line("\x1b[8mconcealed\x1b[0m \x1b[38;2;255;255;255;48;2;255;255;255mwhite on white\x1b[0m", "concealed white on white")
	p.line("bidi \u202eevil\u202c \u2066x\u2069 zero\u200bwidth tag\U000e0041", "bidi U+202EevilU+202C U+2066xU+2069 zeroU+200Bwidth tagU+E0041")
	p.line("fillers \u3164\u115f selectors x\ufe00\U000e0101 joined \u034f", "fillers U+3164U+115F selectors xU+FE00U+E0101 joined U+034F")
	p.line("emoji \u2764\ufe0f, year \u0600\u0661", "emoji \u2764\ufe0f, year \u0600\u0661")
	zalgo := "Z" + strings.Repeat("\u0300\u0316", 500)
	p.line(zalgo, zalgo)
	p.line(strings.Repeat("\x1b[31ma\x1b[32mb", 50_000)+"\x1b[0m", strings.Repeat("ab", 1000))
	p.line(strings.Repeat("x", 1<<20), strings.Repeat("x", 2000))
	p.line("open\x1b]0;hides the rest of its line", "open")
	p.line("\x1b[999999999;999999999Gbehind\x1b[31", strings.Repeat(" ", 400)+"behind")
	for _, address := range []string{
		"javascript:window.pwned=1", "data:text/html,<script>1</script>", "vbscript:x", "file:///etc/passwd",
		"https://good.test@evil.test/", "https://evil.test/" + strings.Repeat("x", 100_000),
	} {
		p.line("\x1b]8;;"+address+"\x1b\\no link\x1b]8;;\x1b\\", "no link")
	}
	p.line("\x1b]8;;https://evil.test/x\x1b\\github.test\x1b]8;;\x1b\\", "github.test")
	p.line("\x1b]8;;https://evil.test/open\x1b\\never closed", "never closed")
	p.line("goes on\x1b]8;;\x1b\\ and ends", "goes on and ends")
	return p
}

// deception is what a reader could be deceived by.
type deception struct {
	Title, Copied string
	Selected      string
	WhiteOnWhite  bool
	Contained     bool // a line that grows in height paints over no other
	MostInALine   int  // elements
	Hosts         []string
}

// readDeception looks at the page as it is, copies the log by both ways and says what came of that.
const readDeception = `(async () => {
	const log = document.querySelector('[role=log]');
	document.querySelector('[title="Copy the whole log as text"]').click();
	while (window.copied === undefined) await new Promise(requestAnimationFrame);
	getSelection().selectAllChildren(log);
	const white = [...log.querySelectorAll('.text *')].find((e) => e.textContent === 'white on white');
	const paint = getComputedStyle(white);
	const zalgo = [...log.querySelectorAll('.line')].find((e) => e.textContent.startsWith('Z'));
	return {
		title: document.title,
		copied: window.copied,
		selected: getSelection().toString(),
		whiteOnWhite: paint.color === paint.backgroundColor,
		contained: getComputedStyle(zalgo).contain.includes('paint') || getComputedStyle(zalgo).contain === 'content',
		mostInALine: Math.max(...[...log.querySelectorAll('.text')].map((e) => e.querySelectorAll('*').length)),
		hosts: [...log.querySelectorAll('a')].map((a) => a.dataset.host ?? ''),
	};
})()`

// What a build prints is text on its own lines: it takes over nothing, and hides nothing.
func showsHostileOutputAsText(t *testing.T, b *browser) {
	hostile := terminalPart()
	file := filepath.Join(t.TempDir(), "hostile.log")
	if err := os.WriteFile(file, []byte(hostile.raw), 0o600); err != nil {
		t.Fatal(err)
	}
	backend := b.startDemo(t, t.TempDir(), "sh", "-c", failingScript, file)
	p := b.openWith(t, backend, "/#/builds/1", `navigator.clipboard.writeText = async (text) => { window.copied = text; }`)
	p.sees(`.build-page[data-status=failed][data-complete=true]`)
	p.tall()
	log := p.expectLog(hostile.shown)
	want := []string{"https://evil.test/open", "https://evil.test/x"}
	if diff := cmp.Diff(want, log.Links); diff != "" {
		t.Errorf("where links lead (-want +got):\n%s", diff)
	}
	p.expectHarmless()

	got := evaluate[deception](p, readDeception)
	for where, text := range map[string]string{"the clipboard": got.Copied, "the selection": got.Selected} {
		if strings.ContainsAny(text, "\x1b\x07\u202e\u202c\u2066\u2069\u200b\U000e0041\u3164\u115f\ufe00\U000e0101\u034f") {
			t.Errorf("what hides is in %s", where)
		}
	}
	if !strings.HasPrefix(got.Copied, "tests PASSED\nBuild 1 passed, complete\n") || strings.Contains(got.Title, "pwned") {
		t.Errorf("the title is %q, copied is %.100q", got.Title, got.Copied)
	}
	if got.WhiteOnWhite || !got.Contained || got.MostInALine > 2000 {
		t.Errorf("white on white is hidden: %v; a line stays within its own: %v; it has %d elements", got.WhiteOnWhite, got.Contained, got.MostInALine)
	}
	if diff := cmp.Diff([]string{"evil.test", "evil.test", "evil.test"}, got.Hosts); diff != "" {
		t.Errorf("hosts beside links (-want +got):\n%s", diff)
	}
}
