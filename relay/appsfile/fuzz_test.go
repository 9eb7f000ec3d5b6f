package appsfile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// What is written in a file, be it bad or meant to harm, is answered soon, and by apps that
// can be put in force or by an error.
func FuzzParse(f *testing.F) {
	for _, text := range hostile(100) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		apps, err := appsfile.Parse(text, appsfile.Secrets{ReadFile: func(string) ([]byte, error) { return nil, errors.New("none") }})
		if err != nil {
			if apps != nil {
				t.Error("apps beside an error")
			}
			return
		}
		if _, err := auth.NewApps(apps...); err != nil || len(apps) == 0 {
			t.Errorf("%d apps are read that cannot be put in force: %v", len(apps), err)
		}
	})
}

// hostile are files that cost a careless reader much time or memory, or end it; each is
// repeated so many times.
func hostile(n int) map[string]string {
	repeat := func(s string) string { return strings.Repeat(s, n) }
	return map[string]string{
		"good":           inApp("limits: {data: 5}"),
		"aliases":        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + repeat("d: [*c, *c, *c]\n"),
		"itself":         "&a [*a, *a]",
		"deep lists":     repeat("["),
		"deep mappings":  repeat("{a: "),
		"deep blocks":    repeat("- "),
		"deep keys":      repeat("? "),
		"many keys":      repeat("a: 1\n"),
		"many apps":      "apps:\n" + repeat("  - {id: a, keys: [{key: k, secret: s}]}\n"),
		"many rights":    "apps: [{id: a, keys: [{key: k, secret: s, rights: [" + repeat("read,") + "]}]}]",
		"many channels":  "apps: [{id: a, keys: [{key: k, secret: s, channels: [" + repeat("'a*',") + "' ']}]}]",
		"many faults":    "apps:\n" + repeat("  - x\n"),
		"comments":       repeat("# x\n") + "apps: []" + repeat(" # y\n"),
		"comments, deep": "apps:\n" + repeat("  -\n    # x\n"),
		"documents":      repeat("---\n"),
		"directives":     "%YAML 1.1\n" + repeat("%TAG !a! tag:a,2000:\n"),
		"long scalar":    "apps: " + repeat("x"),
		"long quotes":    `apps: "` + repeat(`\x41`),
		"folded":         "apps: >\n" + repeat("  x\n\n"),
		"long anchors":   repeat("&a "),
		"tags":           repeat("!!x "),
		"colons":         repeat("a:\n "),
		"binary":         "\xff\xfe" + repeat("a\x00"),
		"no UTF-8":       repeat("\xc3\x28"),
		"tabs":           repeat("\t- x\n"),
	}
}

// What costs more than in proportion to its size would not be done within the time.
func TestHostileFilesAreAnsweredSoon(t *testing.T) {
	const size = 64 << 10
	for name := range hostile(1) {
		t.Run(name, func(t *testing.T) {
			text := hostile(size)[name]
			text = text[:min(len(text), size)]
			done := make(chan error, 1)
			// The test waits for it below, or fails.
			go func() {
				_, err := appsfile.Parse([]byte(text), fromFiles())
				done <- err
			}()
			select {
			case err := <-done:
				if err == nil && name != "good" {
					t.Error("it is accepted")
				}
			case <-time.After(time.Minute):
				t.Fatal("there is no answer after a minute")
			}
		})
	}
}
