package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"buildrelay/relay/relaytest"
)

// TestBrowserScreenshots writes pictures of the page, light and dark, wide and narrow,
// into the folder that RELAY_TEST_SCREENSHOTS names. docs/screenshot.png is one of them.
func TestBrowserScreenshots(t *testing.T) {
	folder := os.Getenv("RELAY_TEST_SCREENSHOTS")
	if folder == "" {
		t.Skip("RELAY_TEST_SCREENSHOTS names no folder for screenshots")
	}
	b := startBrowser(t)
	t.Run("of recorded builds", func(t *testing.T) { shootBuilds(t, b, folder) })
	t.Run("of a log that lacks something", func(t *testing.T) { shootGap(t, b, folder) })
}

// shootBuilds shows the builds that the demo replays where there is no project, to more
// people than one.
func shootBuilds(t *testing.T, b *browser, folder string) {
	args := []string{"demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--first-build", "1"}
	backend := b.startBackend(t, t.TempDir(), args, nil)
	b.crowd(t, backend, "/#/builds/2", "Ada", "Brave Falcon", "Sunny Lynx", "Witty Heron")
	p := b.open(t, backend, "/")
	p.become(0, "Calm Otter")
	for _, build := range []string{"2", "3"} {
		p.sees(`[data-build="` + build + `"][data-status=passed]`)
	}
	p.sees(`[data-build="4"][data-status=running]`)
	p.shoot(filepath.Join(folder, "list"))
	p.do("opening a build", chromedp.Navigate(backend.url+"/#/builds/4"))
	p.sees(`[data-line="24"]`)
	p.shoot(filepath.Join(folder, "build"))
	p.do("opening a build", chromedp.Navigate(backend.url+"/#/builds/2"))
	p.sees(`.build-page[data-complete=true]`)
	p.watchesWith("Ada", "Brave Falcon", "Sunny Lynx", "Witty Heron")
	p.until(`document.querySelector('.people').getAnimations({ subtree: true }).length === 0`)
	p.shoot(filepath.Join(folder, "complete"))
	p.click(`.people-me`)
	p.shoot(filepath.Join(folder, "people"))
}

func shootGap(t *testing.T, b *browser, folder string) {
	w := b.startLogRelay(t, "replay=all events=4")
	script := newScriptedBuild(t, numberedPart(1, 1500, same("the middle")), imitations())
	backend := b.startBeside(t, w, script.dir, script.command()...)
	backend.eventually("the log is trimmed", func() bool {
		oldest := w.redis.Client().XRangeN(t.Context(), "buildrelay:{"+relaytest.AppID+":private-build-1}", "-", "+", 1).Val()
		return len(oldest) == 1 && !strings.HasPrefix(oldest[0].ID, "1-")
	})
	p := b.open(t, backend, "/#/builds/1")
	p.sees(`[data-notice=gaps]`)
	p.press("g")
	p.sees(`.gap`)
	p.shoot(filepath.Join(folder, "gap"))
	w.redis.Freeze()
	p.sees(`[data-connection=stale]`)
	script.goOn()
	p.shoot(filepath.Join(folder, "stale"))
	w.redis.Thaw()
	p.sees(`.build-page[data-status=passed]`)
	p.press("G")
	p.shoot(filepath.Join(folder, "imitation"))
	w.redis.Restart()
	p.expected = aboutConnections
	p.shoot(filepath.Join(folder, "after"))
}

const drawn = `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`

// shoot writes name-light.png, name-dark.png and name-phone.png.
func (p *page) shoot(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
		p.check("choosing colours", err)
		p.until(drawn)
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		p.check("taking a screenshot", err)
		if err := os.WriteFile(name+"-"+scheme+".png", picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	p.do("making the window small", chromedp.EmulateViewport(390, 760))
	p.until(drawn)
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	p.check("taking a screenshot", err)
	if err := os.WriteFile(name+"-phone.png", picture, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do("making the window wide", chromedp.EmulateViewport(1280, 800))
}
