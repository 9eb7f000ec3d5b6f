package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestBrowserScreenshots writes pictures of the list and of a build, light and
// dark, into the folder that RELAY_TEST_SCREENSHOTS names, of what 'make run'
// builds. docs/screenshot.png is one of them.
func TestBrowserScreenshots(t *testing.T) {
	folder := os.Getenv("RELAY_TEST_SCREENSHOTS")
	if folder == "" {
		t.Skip("RELAY_TEST_SCREENSHOTS names no folder for screenshots")
	}
	b := startBrowser(t)
	root := filepath.Join("..", "..")
	backend := b.startBackend(t, root, []string{"demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"}, goEnvironment(t))
	p := b.open(t, backend, "/")
	for _, build := range []string{"3", "4", "5"} {
		p.sees(`[data-build="` + build + `"]`)
	}
	p.sees(`[data-build="3"][data-status=passed]`)
	p.shoot(filepath.Join(folder, "list"))
	p.do("opening a build", chromedp.Navigate(backend.url+"/#/builds/4"))
	p.sees(`[data-line="40"]`)
	p.shoot(filepath.Join(folder, "build"))
}

// goEnvironment is what go needs, where there is no home folder.
func goEnvironment(t *testing.T) map[string]string {
	t.Helper()
	env := make(map[string]string)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatalf("go env %s: %v", name, err)
		}
		env[name] = strings.TrimSpace(string(value))
	}
	return env
}

// shoot writes name-light.png and name-dark.png.
func (p *page) shoot(name string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
		_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
		p.check("choosing colours", err)
		p.until(`new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`)
		picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
		p.check("taking a screenshot", err)
		if err := os.WriteFile(name+"-"+scheme+".png", picture, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}
