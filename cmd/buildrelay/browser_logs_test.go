package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"buildrelay/relay/relaytest"
)

// onceScript prints a file in the first build. The second has nothing to say and
// does not end, so that the first is the only one that costs anything.
const onceScript = `mkdir once 2>/dev/null || exec sleep 600; exec cat "$0"`

// openBuildOf opens the page of a build that prints a file, and waits until it
// shows all of it.
func (b *browser) openBuildOf(t *testing.T, file string) *page {
	t.Helper()
	backend := b.startDemo(t, t.TempDir(), "sh", "-c", onceScript, file)
	p := b.open(t, backend, "/#/builds/1")
	// Many lines take a busy machine a while.
	p.untilWithin(4*relaytest.Patience, isThere(`.build-page[data-status=passed][data-complete=true]`))
	return p
}

// realLog is a build log of the collection that may lie beside the project.
func realLog(t *testing.T, name string) (path, content string) {
	t.Helper()
	path, content, found := collectedLog(t, name)
	if !found {
		t.Skipf("the real build log %s is not here", name)
	}
	return path, content
}

// collectedLog looks for a build log of the collection.
func collectedLog(t *testing.T, name string) (path, content string, found bool) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "shared", "logs", name))
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return path, string(log), err == nil
}

// npm's log has colours and nothing else, so that what is shown can be said.
func showsAnNpmLog(t *testing.T, b *browser) {
	path, content := realLog(t, "02-npm-install.buildkite.raw")
	p := b.openBuildOf(t, path)
	p.tall()
	p.expectLog(coloured(content).shown)
}

// docker's log moves the cursor up to draw its progress anew: of 4,579 lines
// most overwrite others.
func showsADockerLog(t *testing.T, b *browser) {
	path, content := realLog(t, "01-docker-compose-pull.buildkite.raw")
	p := b.openBuildOf(t, path)
	p.tall()
	log := evaluate[shownLog](p, readLog)
	if len(log.Lines) < 50 || len(log.Lines) > 1000 {
		t.Errorf("the log has %d lines", len(log.Lines))
	}
	all := strings.Join(log.Lines, "\n")
	if strings.ContainsAny(all, "\x1b\r\x07") || strings.Contains(all, "bk;t=") || strings.Contains(all, "[?25h") {
		t.Error("parts of escape sequences are shown")
	}
	for layer := range pulled(content) {
		if n := strings.Count(all, layer+" Pull complete"); n != 1 {
			t.Errorf("the pull of %s is complete %d times", layer, n)
		}
	}
	const last = "$ /opt/homebrew/etc/buildkite-agent/hooks/post-command"
	if !strings.HasSuffix(strings.TrimSpace(all), last) {
		t.Errorf("the log ends with %q", log.Lines[len(log.Lines)-1])
	}
}

// pulled is the layers that were pulled completely.
func pulled(log string) map[string]bool {
	layers := make(map[string]bool)
	for _, match := range regexp.MustCompile(`([0-9a-f]{12}) Pull complete`).FindAllStringSubmatch(log, -1) {
		layers[match[1]] = true
	}
	return layers
}

// A long log is drawn only where it is looked at.
func scrollsALongLog(t *testing.T, b *browser) {
	const lines = 50_000
	var log strings.Builder
	for n := 1; n <= lines; n++ {
		fmt.Fprintf(&log, "\x1b[3%dm%05d\x1b[0m a line of a long log\n", n%8, n)
	}
	path := filepath.Join(t.TempDir(), "long.log")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := b.openBuildOf(t, path)
	p.inSight(lines)
	p.press("g")
	p.inSight(1)
	evaluate[int](p, fmt.Sprintf(`(document.querySelector('[role=log]').scrollTop += %d)`, lines*10))
	p.inSight(lines/2 + 10) // 20 pixels each
	p.press("G")
	p.inSight(lines)
	p.press(kb.Home)
	p.inSight(1)
}

// inSight waits until a line is in sight, and expects that few others are in the
// document.
func (p *page) inSight(line int) {
	p.t.Helper()
	p.until(fmt.Sprintf(`(() => {
		const row = document.querySelector('[data-line="%[1]d"]')?.getBoundingClientRect();
		const log = document.querySelector('[role=log]').getBoundingClientRect();
		return row !== undefined && row.top >= log.top && row.bottom <= log.bottom;
	})()`, line))
	text := evaluate[string](p, fmt.Sprintf(`document.querySelector('[data-line="%d"] .text').textContent`, line))
	if want := fmt.Sprintf("%05d a line of a long log", line); text != want {
		p.t.Errorf("line %d is shown as %q", line, text)
	}
	if n := evaluate[int](p, `document.querySelectorAll('[data-line]').length`); n >= 500 {
		p.t.Errorf("%d lines are in the document", n)
	}
}

// tall makes the window so high that a log is read in fewer steps.
func (p *page) tall() {
	p.t.Helper()
	p.do("making the window higher", chromedp.EmulateViewport(1280, 4000))
}
