package pipe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run runs a real command to its end.
func run(t *testing.T, c Config) (log, int) {
	t.Helper()
	p := new(fakePublisher)
	c.AppID, c.Channel, c.Publisher = "app", "private-build-1", p
	exit, err := Run(t.Context(), c)
	if err != nil {
		t.Errorf("publishing: %v", err)
	}
	return readLog(t, p.published()), exit.Code
}

// An id costs the relay a script, which it needs for logs alone.
func TestEventsHaveIDsWhereThereMayBeALog(t *testing.T) {
	for name, c := range map[string]struct {
		epoch string
		noLog bool
		want  []bool // whether an event has an id
	}{
		"a log":             {"0123456789abcdef", false, []bool{true, true, true}},
		"none, as is told":  {"", false, []bool{true, false, false}},
		"none, as is known": {"", true, []bool{false, false, false}},
	} {
		p := &fakePublisher{epoch: c.epoch}
		if _, err := Run(t.Context(), Config{AppID: "app", Channel: "c", Publisher: p, NoLog: c.noLog, Command: shell("echo hi")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []bool
		for _, e := range p.published() {
			got = append(got, e.ID != "")
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func shell(script string) []string { return []string{"sh", "-c", script} }

func TestTheExitCodeIsTheCommandsOwn(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(notExecutable, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code := func(n int) *int { return &n }
	for _, tt := range []struct {
		command  []string
		want     int
		exitCode *int
		signal   string
		output   string // that it begins with
	}{
		{shell("echo hi"), 0, code(0), "", "hi\n"},
		{shell("exit 3"), 3, code(3), "", ""},
		{shell("kill -TERM $$"), 143, nil, "SIGTERM", ""},
		{shell("kill -KILL $$"), 137, nil, "SIGKILL", ""},
		{[]string{"no-such-program"}, 127, code(127), "", `buildrelay: cannot run "no-such-program": executable file not found in $PATH` + "\n"},
		{[]string{"/no/such/program"}, 127, code(127), "", `buildrelay: cannot run "/no/such/program": no such file or directory` + "\n"},
		{[]string{notExecutable}, 126, code(126), "", fmt.Sprintf("buildrelay: cannot run %q: permission denied\n", notExecutable)},
	} {
		var stderr bytes.Buffer
		got, exit := run(t, Config{Command: tt.command, Stderr: &stderr})
		if exit != tt.want || got.text != tt.output {
			t.Errorf("%q: exit code %d, output %q", tt.command, exit, got.text)
		}
		if diff := cmp.Diff(tt.command, got.started.Command); diff != "" {
			t.Error(diff)
		}
		if tt.want == 127 && stderr.String() != tt.output {
			t.Errorf("%q: on stderr: %q", tt.command, stderr.String())
		}
		f := got.finished
		if f == nil {
			t.Errorf("%q: no build:finished", tt.command)
		} else if diff := cmp.Diff(tt.exitCode, f.ExitCode); diff != "" || f.Signal != tt.signal {
			t.Errorf("%q: finished %+v", tt.command, *f)
		}
	}
}

func TestTheCommandIsGivenItsDirectoryEnvironmentAndInput(t *testing.T) {
	dir := t.TempDir()
	var stdout bytes.Buffer
	got, _ := run(t, Config{
		Command: shell("pwd -P; echo $WHO; cat"),
		Dir:     dir, Env: []string{"WHO=me", "PATH=" + os.Getenv("PATH")},
		Stdin: strings.NewReader("typed\n"), Stdout: &stdout,
	})
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := resolved + "\nme\ntyped\n"
	if got.text != want || stdout.String() != want {
		t.Errorf("published %q, passed on %q", got.text, stdout.String())
	}
}

func TestOneTerminalForBothKeepsTheExactOrder(t *testing.T) {
	var terminal bytes.Buffer
	got, _ := run(t, Config{
		Command: shell("i=0; while [ $i -lt 300 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"),
		Stdout:  &terminal, Stderr: &terminal,
	})
	var want strings.Builder
	for i := range 300 {
		fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
	}
	if got.text != want.String() || terminal.String() != want.String() {
		t.Errorf("published %q", got.text)
	}
}

func TestTwoFilesStayTwo(t *testing.T) {
	var stdout, stderr bytes.Buffer
	got, _ := run(t, Config{Command: shell("echo out; echo err >&2"), Stdout: &stdout, Stderr: &stderr})
	if stdout.String() != "out\n" || stderr.String() != "err\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	if len(got.text) != len("out\nerr\n") {
		t.Errorf("published %q", got.text)
	}
}

func TestFilesAreTheSameIfTheyAreOneOnDisk(t *testing.T) {
	open := func(name string) *os.File {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	dir := t.TempDir()
	a, again, b := open(filepath.Join(dir, "a")), open(filepath.Join(dir, "a")), open(filepath.Join(dir, "b"))
	uncomparable := struct {
		io.Writer
		_ []int
	}{Writer: io.Discard}
	for _, tt := range []struct {
		a, b io.Writer
		want bool
	}{
		{a, again, true},
		{a, b, false},
		{a, io.Discard, false},
		{io.Discard, io.Discard, true},
		{new(bytes.Buffer), new(bytes.Buffer), false},
		{uncomparable, uncomparable, false},
	} {
		if got := sameFile(tt.a, tt.b); got != tt.want {
			t.Errorf("sameFile(%T, %T) = %t", tt.a, tt.b, got)
		}
	}
}

// onText calls f once when the text comes by.
type onText struct {
	text string
	once sync.Once
	f    func()
}

func (w *onText) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.text) {
		w.once.Do(w.f)
	}
	return len(p), nil
}

// waits runs until a signal comes, and is not slowed by its own child.
const waits = `sleep 60 >/dev/null 2>&1 & child=$!; trap 'kill $child; echo caught; exit 7' TERM HUP; echo ready; wait`

func TestSignalsArePassedOnToTheCommand(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		signals := make(chan os.Signal, 1)
		got, exit := run(t, Config{
			Command: shell(waits), Signals: signals,
			Stdout: &onText{text: "ready", f: func() { signals <- s }},
		})
		if exit != 7 || got.text != "ready\ncaught\n" {
			t.Errorf("%v: exit code %d, output %q", s, exit, got.text)
		}
	}
}

func TestTheEndOfTheContextTerminatesTheCommand(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := new(fakePublisher)
	exit, err := Run(ctx, Config{
		AppID: "app", Channel: "c", Publisher: p,
		Command: shell(waits), Stdout: &onText{text: "ready", f: stop},
	})
	if got := readLog(t, p.published()); exit.Code != 7 || err != nil || got.text != "ready\ncaught\n" || got.finished == nil {
		t.Errorf("exit code %d, %v, output %q, finished %v", exit.Code, err, got.text, got.finished)
	}
}

// brokenWriter fails like a pipe whose reader has gone.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestATerminalThatIsGoneIsFeltByTheCommandAsWithoutUs(t *testing.T) {
	got, exit := run(t, Config{Command: []string{"yes"}, Stdout: brokenWriter{}})
	if exit != 128+int(syscall.SIGPIPE) || !strings.HasPrefix(got.text, "y\ny\n") {
		t.Errorf("exit code %d, output %.10q", exit, got.text)
	}
}

func TestARunnerTakesThePlaceOfAProcess(t *testing.T) {
	got, exit := run(t, Config{
		Command: []string{"named"},
		Runner: func(_ context.Context, stdout, stderr io.Writer) (Exit, error) {
			fmt.Fprintln(stdout, "out")
			fmt.Fprintln(stderr, "err")
			return Exit{Code: 4}, nil
		},
	})
	if exit != 4 || got.text != "out\nerr\n" || got.started.Command[0] != "named" || *got.finished.ExitCode != 4 {
		t.Errorf("exit code %d, %+v", exit, got)
	}
}

func TestAnInvalidConfigRunsNothing(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	good := Config{AppID: "app", Channel: "c", Publisher: new(fakePublisher), Command: []string{"touch", ran}}
	for name, spoil := range map[string]func(*Config){
		"no app":            func(c *Config) { c.AppID = "" },
		"no publisher":      func(c *Config) { c.Publisher = nil },
		"no channel":        func(c *Config) { c.Channel = "" },
		"bad channel":       func(c *Config) { c.Channel = "no spaces" },
		"encrypted channel": func(c *Config) { c.Channel = "private-encrypted-build" },
		"tiny events":       func(c *Config) { c.MaxData = 100 },
		"tiny buffer":       func(c *Config) { c.Buffer = 1000 },
	} {
		c := good
		spoil(&c)
		if exit, err := Run(t.Context(), c); exit.Code != 125 || err == nil {
			t.Errorf("%s: exit code %d, err %v", name, exit.Code, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command was run")
	}
}
