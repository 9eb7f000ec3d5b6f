package main_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The main job: a person opens the list, sees it change by itself, opens a build
// and watches its output until it is complete.
func showsBuildsAsTheyHappen(t *testing.T, browser *browser) {
	script := newScriptedBuild(t,
		numberedPart(1, 150, same(`<img src=x onerror="window.pwned = 0">`)),
		numberedPart(152, 300, hostilePart()),
	)
	b := browser.startDemo(t, script.dir, script.command()...)
	p := browser.open(t, b, "/")

	p.sees(`[data-connection=live]`)
	p.sees(`[data-build="1"][data-status=running]`)
	p.shows(`[data-build="1"]`, `<img src=x onerror="window.pwned = 0">`) // its newest line
	p.shows(`[data-build="1"]`, `sh build.sh '<b>markup</b>'`)
	script.goOn()
	p.sees(`[data-build="1"][data-status=passed]`)
	p.sees(`[data-build="2"][data-status=running]`)

	p.click(`[data-build="2"] a`)
	p.sees(`.build-page[data-build="2"][data-status=running]`)
	p.shows(`[data-line="151"] .text`, `onerror`) // the end of what there is, followed
	if evaluate[bool](p, `document.querySelector('.build-page').dataset.complete === 'true'`) {
		t.Error("a running build is called complete")
	}
	p.shows(`.proof[data-proof=open]`, "Not finished yet")
	script.goOn()
	p.sees(`.build-page[data-status=passed][data-complete=true]`)
	p.shows(`.proof[data-proof=complete]`, "Complete")
	p.shows(`[data-line="307"] .text`, `docs and text`)

	p.expectDownload(script.raw())
	log := p.expectLog(script.shown())
	if want := []string{"https://example.test/a?b=1&c=", "https://example.test/docs"}; !cmp.Equal(log.Links, want) {
		t.Errorf("links lead to %q, want %q", log.Links, want)
	}
	if log.Colors < 2 {
		t.Errorf("text is shown in %d colours", log.Colors)
	}
	p.expectHarmless()
}

// expectHarmless fails the test if something of a build's text has come to life.
func (p *page) expectHarmless() {
	p.t.Helper()
	if evaluate[bool](p, `'pwned' in window`) {
		p.t.Errorf("a line of the log was run as a script: pwned is %v", evaluate[any](p, `window.pwned`))
	}
	if n := evaluate[int](p, `document.querySelectorAll('body :is(script, img, iframe, style, b, [onerror], [onload])').length`); n > 0 {
		p.t.Errorf("%d elements are not the page's own", n)
	}
}
