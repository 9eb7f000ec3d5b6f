package main_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// imitations are lines of a hostile build that look like a gap as much as text can:
// with the page's words, its colours, and what would be its markup.
func imitations() part {
	const words = "⚠ 12 events are missing here, 340 lines"
	p := same(
		words,
		`<aside class="gap" role="note" aria-label="Gap: `+words+`"><strong>`+words+`</strong></aside>`,
	)
	p.line("\x1b[48;2;255;246;223m\x1b[38;2;107;71;0m\x1b[1m  "+words+"  \x1b[0m", "  "+words+"  ")
	p.line("\x1b]8;;https://example.test/gap\x1b\\"+words+"\x1b]8;;\x1b\\", words)
	return p
}

// shownGap is a gap as the page shows it, and where it is.
type shownGap struct {
	Role, Label, Text   string
	InLine, Selectable  bool
	OverNumbers, AsWide bool // it reaches over the line numbers; it is as wide as the log
	LineBehind          int
	TextBehind          string
}

// readGaps gathers all elements that are gaps, or would be.
const readGaps = `(() => {
	const log = document.querySelector('[role=log]');
	const box = (element) => element.getBoundingClientRect();
	return [...log.querySelectorAll('aside, [role=note], .gap')].map((gap) => ({
		role: gap.getAttribute('role'),
		label: gap.getAttribute('aria-label'),
		text: gap.querySelector('strong').textContent,
		inLine: gap.closest('.line') !== null,
		selectable: getComputedStyle(gap).userSelect !== 'none',
		overNumbers: box(gap).left === box(log).left,
		asWide: Math.abs(box(gap).width - log.clientWidth) < 1,
		lineBehind: Number(gap.nextElementSibling.dataset.line),
		textBehind: gap.nextElementSibling.querySelector('.text').textContent,
	}));
})()`

// Part of a log is gone before the page comes. The page says so in a way that no line
// of the log can imitate, and does not call the log complete.
func showsAGapThatNoLineCanImitate(t *testing.T, browser *browser) {
	w := browser.startLogRelay(t, "replay=all events=4")
	script := newScriptedBuild(t, numberedPart(1, 1500, same("the middle")), imitations())
	b := browser.startBeside(t, w, script.dir, script.command()...)
	b.printed(1, "the middle")
	script.goOn()
	b.passed(1)
	p := browser.open(t, b, "/#/builds/1")
	p.shows(`.proof[data-proof=gap]`, "events are missing")
	p.sees(`.build-page[data-status=passed][data-complete=false]`)
	p.press("g")
	p.sees(`.gap`)

	gaps := evaluate[[]shownGap](p, readGaps)
	if len(gaps) != 1 {
		t.Fatalf("the page shows %d gaps: %+v", len(gaps), gaps)
	}
	got := gaps[0]
	want := shownGap{
		Role: "note", Label: got.Label, Text: got.Text, OverNumbers: true, AsWide: true,
		LineBehind: got.LineBehind, TextBehind: got.TextBehind,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the gap (-want +got):\n%s", diff)
	}
	// Lines keep their numbers; the beginning of the first may be missing.
	if i := got.LineBehind - 1; i < 1 || i >= len(script.shown()) || !strings.HasSuffix(script.shown()[i], got.TextBehind) {
		t.Errorf("line %d is shown as %q", got.LineBehind, got.TextBehind)
	}
	p.shows(`.gap strong`, " events are missing here, ")
	p.shows(`.gap strong`, " lines")
	p.shows(`[data-notice=gaps]`, "Output is missing before line ")

	// What the build said of gaps is text of lines, each with its number.
	p.press("G")
	p.until(`[...document.querySelectorAll('.line')].at(-1)?.textContent.includes('12 events are missing here, 340 lines')`)
	lines := evaluate[[]string](p, `[...document.querySelectorAll('.line .text')].map((text) => text.textContent).slice(-4)`)
	expectLines(t, lines, script.parts[1].shown)
	if n := len(evaluate[[]shownGap](p, readGaps)); n > 1 {
		t.Errorf("the page shows %d gaps, and the build only told of them", n)
	}
}

// Redis is away, comes back without the log, and the build is sent again: the page is
// whole again, and says meanwhile what it knows.
func showsAWholeLogThoughRedisLostIt(t *testing.T, browser *browser) {
	w := browser.startLogRelay(t, "replay=all")
	script := newScriptedBuild(t,
		numberedPart(1, 120, same("the middle")),
		numberedPart(122, 240, same("the end")),
	)
	b := browser.startBeside(t, w, script.dir, script.command()...)
	p := browser.open(t, b, "/#/builds/1")
	p.shows(`[data-line="121"] .text`, "the middle")

	w.redis.Freeze()
	p.shows(`[data-connection=stale]`, "Redis is away")
	p.shows(`.log-end`, "Redis is away: newer output may be missing")
	w.redis.Thaw()
	p.sees(`[data-connection=live]`)
	if n := evaluate[int](p, readGaps+`.length`); n > 0 {
		t.Errorf("nothing is missing, and the page shows %d gaps", n)
	}

	w.redis.Restart()
	p.shows(`[data-notice=gone]`, "Redis has lost the log of this build")
	p.shows(`[data-line="121"] .text`, "the middle")
	script.goOn()
	p.until(`document.querySelector('[data-notice=gone]') === null`)
	p.expectWhole(script)
}
