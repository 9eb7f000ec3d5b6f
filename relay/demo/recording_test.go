package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"buildrelay/relay/pipe"
)

var record = flag.Bool("record", false, "record the builds anew")

// TestRecord writes recordings.txt; see there.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("only with -record")
	}
	project, ok := Project(".", os.Environ())
	if !ok {
		t.Fatal("needs Go and the project's source")
	}
	var file bytes.Buffer
	for n := range commands() {
		recordJob(t, &file, project(int64(n+1)))
	}
	if err := os.WriteFile("recordings.txt", file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stamper notes when what was written.
type stamper struct {
	t     *testing.T
	file  io.Writer
	began time.Time
}

func (s stamper) Write(p []byte) (int, error) {
	s.line(string(p))
	return len(p), nil
}

func (s stamper) line(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		s.t.Error(err)
	}
	fmt.Fprintf(s.file, "%d\t%s\n", time.Since(s.began).Milliseconds(), text)
}

func recordJob(t *testing.T, file io.Writer, job Job) {
	t.Helper()
	command, err := json.Marshal(job.Command)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(file, "# %s\n", command)
	s := stamper{t, file, time.Now()}
	exit, err := pipe.Run(t.Context(), pipe.Config{
		AppID: "record", Channel: "record", Publisher: new(publisher),
		Command: job.Command, Dir: job.Dir, Env: job.Env, Stdout: s, Stderr: s,
	})
	if err != nil || exit.Code != 0 {
		t.Fatalf("%v: exit code %d, %v", job.Command, exit.Code, err)
	}
	s.line(exit.Code)
}

func TestARecordingIsReplayedAtItsSpeed(t *testing.T) {
	all, err := parseRecordings("# [\"make\",\"all\"]\n100\t\"one\\n\"\n2000\t\"\\u001b[31mtwo\\u001b[0m\\n\"\n2500\t3\n# [\"true\"]\n0\t0\n")
	if err != nil || len(all) != 2 || strings.Join(all[0].command, " ") != "make all" {
		t.Fatalf("%+v, %v", all, err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var seen []string
		exit, err := all[0].replay(t.Context(), writerFunc(func(p []byte) {
			seen = append(seen, fmt.Sprintf("%v %q", time.Since(began), p))
		}), nil)
		want := `[100ms "one\n" 2s "\x1b[31mtwo\x1b[0m\n"]`
		if got := fmt.Sprint(seen); got != want || exit.Code != 3 || err != nil || time.Since(began) != 2500*time.Millisecond {
			t.Errorf("got %s, exit %+v, %v after %v", got, exit, err, time.Since(began))
		}
	})
}

func TestAReplayStopsWithItsContext(t *testing.T) {
	all, err := parseRecordings("# [\"true\"]\n3600000\t0\n")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if exit, err := all[0].replay(ctx, io.Discard, nil); exit.Signal != "SIGTERM" || err != nil {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestBadRecordingsAreRefused(t *testing.T) {
	for _, file := range []string{"", "0\t\"text\"", "# not json", "# [\"a\"]\nx\t\"text\"", "# [\"a\"]\n0\t\"text", "# [\"a\"]\n0"} {
		if _, err := parseRecordings(file); err == nil {
			t.Errorf("%q: no error", file)
		}
	}
}

// The embedded builds are whole: each has a command, output in the order of
// time, except the quiet one, and an end.
func TestTheEmbeddedRecordingsAreBuilds(t *testing.T) {
	all, err := parseRecordings(recordings)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(commands()) {
		t.Fatalf("%d recordings, want %d", len(all), len(commands()))
	}
	for i, r := range all {
		if got, want := commandLine(r.command), commandLine(commands()[i]); got != want {
			t.Errorf("recorded %q, want %q", got, want)
		}
		last := time.Duration(0)
		for _, w := range r.writes {
			if w.at < last {
				t.Errorf("%v: %v comes after %v", r.command, w.at, last)
			}
			last = w.at
		}
		if r.length < last || r.length > 2*time.Minute || r.code != 0 {
			t.Errorf("%v: length %v, exit code %d", r.command, r.length, r.code)
		}
		if len(r.writes) == 0 && r.command[1] != "vet" {
			t.Errorf("%v: no output", r.command)
		}
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}
