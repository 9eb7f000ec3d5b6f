package relaytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// child is a process that a test started.
type child struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *journal[string] // lines
	stderr *journal[string] // lines
	ended  chan struct{}    // closed when the process has been waited for
}

// startChild starts cmd and has it killed, if need be, when the test ends.
func startChild(t testing.TB, name string, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{
		name: name, cmd: cmd,
		stdout: newJournal[string](), stderr: newJournal[string](),
		ended: make(chan struct{}),
	}
	out, errs := &lineWriter{to: c.stdout}, &lineWriter{to: c.stderr}
	cmd.Stdout, cmd.Stderr = out, errs
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	// stop waits for it, at the latest when the test ends.
	go func() {
		defer close(c.ended)
		_ = cmd.Wait() // how it ended is read from ProcessState
		out.end()
		errs.end()
	}()
	t.Cleanup(func() { c.stop(os.Kill) })
	return c
}

// running says that the process has not ended.
func (c *child) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// stop sends the signal and waits for the end, no longer than Patience; then it
// kills. It reports whether the signal was enough.
func (c *child) stop(signal os.Signal) bool {
	_ = c.cmd.Process.Signal(signal) // an error says that it has ended already
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-c.ended:
		return true
	case <-timer.C:
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
	return false
}

// expectLine waits for a line, from index on, that matches.
func (c *child) expectLine(t testing.TB, from *journal[string], what string, index int, match func(string) bool) (string, int) {
	t.Helper()
	return c.expectSoon(t, from, Patience, what, index, match)
}

// expectSoon is expectLine with another patience.
func (c *child) expectSoon(t testing.TB, from *journal[string], patience time.Duration, what string, index int, match func(string) bool) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, at, err := from.find(ctx, index, match)
	if err != nil {
		t.Fatalf("%s: waiting for %s: %v\n%s", c.name, what, err, c.saidLast())
	}
	return line, at
}

// said is all that the process printed.
func (c *child) said() string {
	return strings.Join(c.stdout.all(), "\n") + "\n" + strings.Join(c.stderr.all(), "\n")
}

// saidLast is what the process printed last, for a failing test's message.
func (c *child) saidLast() string {
	return lastOf(c.stdout.all()) + "\n" + lastOf(c.stderr.all())
}

func lastOf(lines []string) string {
	const most = 500
	if over := len(lines) - most; over > 0 {
		return fmt.Sprintf("(%d lines)\n%s", over, strings.Join(lines[over:], "\n"))
	}
	return strings.Join(lines, "\n")
}

// lineWriter adds what is written to it to a journal, line by line.
type lineWriter struct {
	to   *journal[string]
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		w.to.add(string(line))
		w.rest = rest
	}
}

func (w *lineWriter) end() {
	if len(w.rest) > 0 {
		w.to.add(string(w.rest))
	}
	w.to.end()
}
