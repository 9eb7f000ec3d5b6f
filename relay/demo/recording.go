package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"buildrelay/relay/pipe"
)

// recordings are real builds of this project, one after the other:
//
//	# ["go","vet","./..."]        the command
//	1250	"what it printed"       at this many ms, any number of times
//	1300	0                       its end: the exit code
//
// To record them anew:
//
//	go test ./relay/demo -run TestRecord -record
//
//go:embed recordings.txt
var recordings string

// recording is one build of recordings.
type recording struct {
	command []string
	writes  []write
	length  time.Duration
	code    int
}

type write struct {
	at   time.Duration
	text string
}

// Recorded replays real builds of this project in turn, at their own speed, for
// where there is no Go toolchain.
func Recorded() (Source, error) {
	all, err := parseRecordings(recordings)
	if err != nil {
		return nil, fmt.Errorf("reading the recorded builds: %w", err)
	}
	return func(n int64) Job {
		r := all[(n-1)%int64(len(all))]
		return Job{Command: r.command, Runner: r.replay}
	}, nil
}

// replay prints what was recorded, when it was.
func (r recording) replay(ctx context.Context, stdout, _ io.Writer) (pipe.Exit, error) {
	began := time.Now()
	until := func(at time.Duration) bool {
		select {
		case <-time.After(time.Until(began.Add(at))):
			return true
		case <-ctx.Done():
			return false
		}
	}
	for _, w := range r.writes {
		if !until(w.at) {
			return pipe.Exit{Code: 143, Signal: "SIGTERM"}, nil
		}
		if _, err := io.WriteString(stdout, w.text); err != nil {
			return pipe.Exit{Code: 1}, err
		}
	}
	if !until(r.length) {
		return pipe.Exit{Code: 143, Signal: "SIGTERM"}, nil
	}
	return pipe.Exit{Code: r.code}, nil
}

// parseRecordings reads a file of recordings, at least one.
func parseRecordings(file string) ([]recording, error) {
	var all []recording
	for i, line := range strings.Split(strings.TrimSuffix(file, "\n"), "\n") {
		var err error
		if command, ok := strings.CutPrefix(line, "# "); ok {
			var r recording
			err = json.Unmarshal([]byte(command), &r.command)
			all = append(all, r)
		} else if len(all) == 0 {
			err = errors.New("no command yet")
		} else {
			err = all[len(all)-1].parse(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return all, nil
}

// parse reads what was printed, or the end.
func (r *recording) parse(line string) error {
	ms, value, _ := strings.Cut(line, "\t")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil {
		return fmt.Errorf("reading the time: %w", err)
	}
	at := time.Duration(n) * time.Millisecond
	if !strings.HasPrefix(value, `"`) {
		r.length = at
		r.code, err = strconv.Atoi(value)
		return err
	}
	w := write{at: at}
	err = json.Unmarshal([]byte(value), &w.text)
	r.writes = append(r.writes, w)
	return err
}
