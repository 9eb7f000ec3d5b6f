package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/pipe"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// buildLogs makes log channels of the builds'.
func buildLogs() map[string]string {
	return map[string]string{"RELAY_LOG_RULES": "private-build-* replay=all events=1000000 bytes=64MiB"}
}

// pipeLog is pipeCommand for a world with logs.
func (w world) pipeLog(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := w.pipeCommand(t, args...)
	for name, value := range buildLogs() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// builtLog is what Redis keeps of a build.
type builtLog struct {
	output   []byte
	started  int
	finished *pipe.Finished
	final    *protocol.Final
}

// log reads a channel's log, past the relay. Redis may be away.
func (w world) log(t *testing.T, channel string) (l builtLog, err error) {
	t.Helper()
	options, err := redisconn.ParseURL(auth.Secret(w.redis.URL()), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := broker.New(broker.Config{
		Redis: options, Prefix: "buildrelay", Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	start := protocol.Start{Kind: protocol.StartFirst}
	for more := true; more; {
		page, err := b.ReadLog(t.Context(), relaytest.AppID, channel, start)
		if err != nil {
			return l, err
		}
		for _, e := range page.Entries {
			l.add(t, e)
		}
		start, more = protocol.Start{Kind: protocol.StartSince, Since: page.End}, page.More
	}
	return l, nil
}

func (l *builtLog) add(t *testing.T, e protocol.Event) {
	t.Helper()
	l.final = e.Link.Final
	switch e.Name {
	case pipe.EventStarted:
		l.started++
	case pipe.EventOutput:
		var o pipe.Output
		unmarshal(t, e.Data, &o)
		if o.Offset != int64(len(l.output)) || o.Line != int64(1+bytes.Count(l.output, []byte("\n"))) {
			t.Fatalf("output %d is at byte %d in line %d, want byte %d", o.Seq, o.Offset, o.Line, len(l.output))
		}
		l.output = append(l.output, o.Bytes()...)
	case pipe.EventFinished:
		l.finished = new(pipe.Finished)
		unmarshal(t, e.Data, l.finished)
	}
}

func unmarshal(t *testing.T, data string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), v); err != nil {
		t.Fatal(err)
	}
}

// expectLog checks that the log is closed and holds one build with this output.
func (w world) expectLog(t *testing.T, channel string, output []byte) {
	t.Helper()
	l, err := w.log(t, channel)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.output, output) {
		t.Errorf("the log holds %d bytes, want %d: %.100q", len(l.output), len(output), l.output)
	}
	if l.started != 1 || l.finished == nil || l.finished.Lost != 0 {
		t.Errorf("started %d times, finished %+v", l.started, l.finished)
	}
	if f := l.final; f == nil || *f.Bytes != int64(len(output)) || *f.Lines != l.finished.Lines {
		t.Errorf("final %+v", f)
	}
}

// awaitLog waits until the log holds the text.
func (w world) awaitLog(t *testing.T, channel, text string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(relaytest.Patience); ; {
		if l, err := w.log(t, channel); err == nil && bytes.Contains(l.output, []byte(text)) {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("the log never has %q", text)
		}
	}
}

// Real logs go through pipe into Redis and come out byte for byte.
func TestPipeKeepsRealLogs(t *testing.T) {
	t.Parallel()
	logs := relaytest.RealLogs(t)
	w := newWorld(t, buildLogs())
	for i, name := range logs {
		w.run(t, filepath.Base(name), func(t *testing.T, w world) {
			log, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			channel := fmt.Sprintf("private-build-%d", i)
			cmd := w.pipeLog(t, "--channel", channel, "--buffer", "64MiB", "--flush-wait", relaytest.Patience.String())
			cmd.Stdin, cmd.Stderr = bytes.NewReader(log), os.Stderr
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			w.expectLog(t, channel, log)
		})
	}
}

// Redis loses everything, three times, and the log still holds the whole build.
func TestABuildOutlivesARedisThatForgets(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, buildLogs(), func(t *testing.T, w world) {
		const channel = "private-build-7"
		cmd := w.pipeLog(t, "--channel", channel, "--flush-wait", relaytest.Patience.String())
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for i := range 3 {
			line := fmt.Sprintf("line %d\n", i)
			all.WriteString(line)
			feed(t, stdin, []byte(line))
			w.awaitLog(t, channel, all.String())
			w.redis.Restart()
		}
		if err := stdin.Close(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, stderr.String())
		}
		w.expectLog(t, channel, []byte(all.String()))
		if !strings.Contains(stderr.String(), "gone from Redis") {
			t.Errorf("told on stderr:\n%s", stderr.String())
		}
	})
}

func TestPipeTellsThatSomebodyElseClosedTheLog(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, buildLogs(), func(t *testing.T, w world) {
		const channel = "private-build-7"
		cmd := w.pipeLog(t, "--channel", channel, "--", "sh", "-c", "echo first; read line; echo $line; exit 3")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.awaitLog(t, channel, "first\n")
		if status, reply := w.Request("POST", "/events", `{"name":"end","channel":"`+channel+`","data":"","final":true}`); status != 200 {
			t.Fatalf("closing the log: %d %s", status, reply)
		}
		_, _ = io.WriteString(stdin, "second\n")
		err = cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("ended with %v", err)
		}
		for _, text := range []string{"somebody else has closed the log", "7 of 13 bytes of output were not published"} {
			if !strings.Contains(stderr.String(), text) {
				t.Errorf("%q is not told:\n%s", text, stderr.String())
			}
		}
	})
}
