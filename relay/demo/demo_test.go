package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"buildrelay/relay/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a source of builds that a test lets go on step by step.
type scripted struct {
	steps chan string // printed; "exit" ends the build
}

func (s scripted) source(int64) Job {
	return Job{Command: []string{"scripted"}, Runner: func(ctx context.Context, stdout, _ io.Writer) (pipe.Exit, error) {
		for {
			select {
			case text := <-s.steps:
				if text == "exit" {
					return pipe.Exit{}, nil
				}
				if _, err := io.WriteString(stdout, text); err != nil {
					return pipe.Exit{}, err
				}
			case <-ctx.Done():
				return pipe.Exit{Code: 143, Signal: "SIGTERM"}, nil
			}
		}
	}}
}

// do prints something, or ends the build, and gives everything time to happen.
func (s scripted) do(text string) {
	s.steps <- text
	after(time.Second)
}

func after(d time.Duration) {
	<-time.After(d) // by the bubble's clock
	synctest.Wait()
}

// inBubble runs a backend of one scripted build at a time while f goes on.
func inBubble(t *testing.T, f func(d *Demo, p *publisher, s scripted, log *bytes.Buffer)) *Demo {
	t.Helper()
	var d *Demo
	synctest.Test(t, func(t *testing.T) {
		p, s, log := new(publisher), scripted{make(chan string)}, new(bytes.Buffer)
		d = newDemo(t, Config{
			Publisher: p, Builds: s.source, Slots: 1,
			Log: slog.New(slog.NewTextHandler(log, nil)),
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		// The test waits for it below.
		go func() { d.Run(ctx); close(done) }()
		after(time.Second)
		f(d, p, s, log)
		stop()
		<-done
	})
	return d
}

// states are the builds of build:updated, as "1 running line".
func states(t *testing.T, p *publisher) (states []string) {
	t.Helper()
	for _, data := range p.on(listChannel) {
		var b Build
		if err := json.Unmarshal([]byte(data), &b); err != nil {
			t.Fatal(err)
		}
		states = append(states, strings.TrimSpace(fmt.Sprintf("%d %s %s", b.ID, b.Status, b.Line)))
	}
	return states
}

func TestTheListFollowsTheBuilds(t *testing.T) {
	d := inBubble(t, func(d *Demo, p *publisher, s scripted, _ *bytes.Buffer) {
		s.do("one\n")
		s.do("two\n")
		s.do("exit")
		after(DefaultPause)
		s.do("three\n")
		want := []string{"1 running", "1 running one", "1 running two", "1 passed two", "2 running", "2 running three"}
		if got := states(t, p); strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("got %q", got)
		}
		if got := p.on("private-build-1"); len(got) != 4 || !strings.Contains(got[1], `{"seq":1,"offset":0,"line":1,"text":"one\n"}`) {
			t.Errorf("build 1 published %q", got)
		}
	})
	// Build 2 was stopped with us, and that was told.
	if got := states(t, d.c.Publisher.(*publisher)); got[len(got)-1] != "2 canceled three" {
		t.Errorf("last told: %q", got[len(got)-1])
	}
}

func TestTheListIsToldAtMostFourTimesASecond(t *testing.T) {
	inBubble(t, func(d *Demo, p *publisher, s scripted, _ *bytes.Buffer) {
		before := len(p.on(listChannel))
		for i := range 40 {
			s.steps <- fmt.Sprintf("line %d\n", i)
			after(25 * time.Millisecond)
		}
		s.do("last\n")
		got := states(t, p)
		if n := len(got) - before; n < 4 || n > 7 {
			t.Errorf("%d updates in a second", n)
		}
		if got[len(got)-1] != "1 running last" {
			t.Errorf("last told: %q", got[len(got)-1])
		}
	})
}

// A log that nobody watches is written in larger steps, and still the list is live.
func TestTheListDoesNotWaitForTheLog(t *testing.T) {
	inBubble(t, func(d *Demo, p *publisher, s scripted, _ *bytes.Buffer) {
		p.setLog()
		s.do("first\n") // its receipt says that nobody watches
		s.do("second\n")
		got, output := states(t, p), p.on("private-build-1")
		if got[len(got)-1] != "1 running second" || strings.Contains(output[len(output)-1], "second") {
			t.Errorf("the list has %q, the log %q", got[len(got)-1], output[len(output)-1])
		}
	})
}

func TestBuildsAreNumberedFromTheFirst(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := new(publisher)
	d := newDemo(t, Config{Publisher: p, Slots: 1, First: 1000, Builds: func(n int64) Job {
		if n != 1 {
			t.Errorf("asked for the build %d of this run", n)
		}
		stop()
		return Job{Command: []string{"true"}}
	}})
	d.Run(ctx)
	if list := d.store.list(); len(list) != 1 || list[0].ID != 1000 || len(p.on("private-build-1000")) == 0 {
		t.Errorf("builds %+v", list)
	}
}

func TestTheListIsToldAgainWhenTheRelayIsBack(t *testing.T) {
	inBubble(t, func(d *Demo, p *publisher, s scripted, log *bytes.Buffer) {
		p.setErr(errors.New("away"))
		s.do("missed\n")
		s.do("newest\n")
		p.setErr(nil)
		after(10 * time.Second)
		got := states(t, p)
		if last := got[len(got)-1]; last != "1 running newest" {
			t.Errorf("last told: %q", last)
		}
		for _, text := range []string{"the list of builds could not be published", "the list of builds is published again"} {
			if n := strings.Count(log.String(), text); n != 1 {
				t.Errorf("%q logged %d times:\n%s", text, n, log)
			}
		}
	})
}

func TestRealCommandsAreRun(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	p := new(publisher)
	d := newDemo(t, Config{Publisher: p, Slots: 1, Pause: time.Millisecond, Builds: func(n int64) Job {
		if n > 2 {
			stop()
		}
		return Job{Command: []string{"sh", "-c", fmt.Sprintf("echo build %d; exit %d", n, n-1)}}
	}})
	d.Run(ctx)
	list := d.store.list()
	if len(list) != 3 || list[2].Status != Passed || list[1].Status != Failed || list[0].Status != Canceled {
		t.Errorf("builds %+v", list)
	}
	if got := p.on("private-build-2"); len(got) != 3 || !strings.Contains(got[1], `"text":"build 2\n"`) {
		t.Errorf("published %q", got)
	}
}

func TestTheProjectIsFoundFromInside(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if root, ok := projectRoot(here); !ok || root != filepath.Join(here, "../..") {
		t.Errorf("found %q, %t", root, ok)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{other, "/"} {
		if root, ok := projectRoot(dir); ok {
			t.Errorf("%s: found %q", dir, root)
		}
	}
}

func TestWithoutGoThereIsNoProject(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, ok := Project(".", nil); ok {
		t.Error("found one")
	}
}
