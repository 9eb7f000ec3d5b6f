package main_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readLog scrolls through the whole log as a reader does, from its top to its end,
// a screen at a time, and gathers what is drawn.
const readLog = `(async () => {
	const log = document.querySelector('[role=log]');
	const frame = () => new Promise(requestAnimationFrame);
	const rows = () => [...log.querySelectorAll('[data-line]')];
	const drawn = () => { // rows cover all that is in sight
		const [top, bottom] = [log.getBoundingClientRect().top, log.getBoundingClientRect().bottom];
		const all = rows();
		const atTop = log.scrollTop < 20, atEnd = log.scrollTop + log.clientHeight > log.scrollHeight - 20;
		return all.length > 0 && (atTop || all[0].getBoundingClientRect().top <= top)
			&& (atEnd || all.at(-1).getBoundingClientRect().bottom >= bottom);
	};
	const seen = { lines: [], markup: [], links: [], colors: 0, most: 0 };
	for (log.scrollTop = 0; ;) {
		do { await frame(); await frame(); } while (!drawn());
		for (const row of rows()) seen.lines[row.dataset.line - 1] = row.querySelector('.text').textContent;
		const markup = log.querySelectorAll('.line :not(div, span, a, button)');
		seen.markup.push(...[...markup].map((element) => element.outerHTML));
		seen.links.push(...[...log.querySelectorAll('a')].map((a) => a.href));
		seen.colors = Math.max(seen.colors, new Set([...log.querySelectorAll('.text *')].map((e) => getComputedStyle(e).color)).size);
		seen.most = Math.max(seen.most, rows().length);
		const before = log.scrollTop;
		log.scrollTop += log.clientHeight * 0.9;
		if (log.scrollTop === before) break;
	}
	return { ...seen, lines: Array.from(seen.lines, (line) => line ?? 'MISSING'), links: [...new Set(seen.links)].sort() };
})()`

// shownLog is a log as the page shows it.
type shownLog struct {
	Lines  []string `json:"lines"`
	Markup []string `json:"markup"` // elements that no log has
	Links  []string `json:"links"`
	Colors int      `json:"colors"` // most that were in sight at a time
	Most   int      `json:"most"`   // rows that were in the document at a time
}

// expectLog reads the whole log and fails the test if it is another.
func (p *page) expectLog(want []string) shownLog {
	p.t.Helper()
	got := evaluate[shownLog](p, readLog)
	expectLines(p.t, got.Lines, want)
	if len(got.Markup) > 0 {
		p.t.Errorf("log text became markup: %q", got.Markup)
	}
	if p.missing() {
		p.t.Error("the page says that output is missing")
	}
	return got
}

// catchDownload resolves to the file that the page has for a download, in base64.
const catchDownload = `new Promise((resolve) => {
	const make = URL.createObjectURL;
	URL.createObjectURL = (file) => {
		URL.createObjectURL = make;
		const reader = new FileReader();
		reader.onload = () => resolve(reader.result.split(',')[1] ?? '');
		reader.readAsDataURL(file);
		return '#/';
	};
	HTMLAnchorElement.prototype.click = () => delete HTMLAnchorElement.prototype.click;
	document.querySelector('[title="Download the raw output"]').click();
})`

// expectDownload fails the test if the page's download is another, byte for byte.
func (p *page) expectDownload(want string) {
	p.t.Helper()
	got, err := base64.StdEncoding.DecodeString(evaluate[string](p, catchDownload))
	if err != nil {
		p.t.Fatalf("reading the download: %v", err)
	}
	if string(got) != want {
		expectLines(p.t, strings.SplitAfter(string(got), "\n"), strings.SplitAfter(want, "\n"))
		p.t.Errorf("the download has %d bytes, the log %d", len(got), len(want))
	}
}

// missing says whether the page shows any notice.
func (p *page) missing() bool {
	return evaluate[bool](p, "document.querySelector('[data-notice]') !== null")
}

// expectLines compares a log's lines and shows where they differ first.
func expectLines(t *testing.T, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("from line %d on the log differs (-want +got):\n%s", i+1,
				cmp.Diff(want[i:min(i+10, len(want))], got[i:min(i+10, len(got))]))
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("the log has %d lines, want %d", len(got), len(want))
	}
}
