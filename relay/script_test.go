package relay_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what happened into the scripts")

// TestScripts runs the scripts in testdata. A script is a list of commands, each
// "$ command arguments" and followed by what happens: what clients receive and
// what Redis is asked. Lines with # are comments. The commands are the methods of
// world that begin with "do"; time passes only in wait.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	synctest.Test(t, func(t *testing.T) { got = play(t, string(source)) })
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(source), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (- the script, + what happened):\n%s", file, diff)
	}
}

// play carries out the commands of a script and returns it with what happened.
func play(t *testing.T, source string) string {
	w := newWorld(t, strings.Contains(source, "\n$ audit "))
	defer w.close()
	var out strings.Builder
	for line := range strings.Lines(source) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		if !isCommand {
			if strings.HasPrefix(line, "#") || line == "\n" {
				out.WriteString(line)
			}
			continue
		}
		out.WriteString(line)
		if err := w.do(strings.TrimSpace(command)); err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(command), err)
		}
		synctest.Wait()
		for _, happened := range w.events.take() {
			fmt.Fprintf(&out, "  %s\n", w.named(happened))
		}
	}
	return out.String()
}
