package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"buildrelay/relay/pipe"
	"buildrelay/relay/relaytest"
)

// pipeCommand is `buildrelay pipe` with what a world's backend has in its
// environment, by the HTTP API where the world's relay serves TLS, else by Redis.
func (w world) pipeCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"pipe"}, args...)...)
	cmd.Env = []string{relaytest.QuickExit, "PATH=" + os.Getenv("PATH"), "RELAY_APP_ID=" + relaytest.AppID}
	if w.Certs == nil {
		cmd.Env = append(cmd.Env, "RELAY_REDIS_URL="+w.redis.URL())
	} else {
		cmd.Args = append([]string{cmd.Args[0], "pipe", "--ca-file", w.Certs.CAFile}, args...)
		cmd.Env = append(cmd.Env, "RELAY_API_URL="+w.URL(), "RELAY_APP_KEY="+relaytest.Key, "RELAY_APP_SECRET="+relaytest.Secret)
	}
	return cmd
}

// reader is a client that reads a build's channel.
type reader struct {
	t      *testing.T
	client *relaytest.WSClient
	seq    int64
}

func (w world) read(t *testing.T, channel string) *reader {
	t.Helper()
	c := w.Connect()
	c.Subscribe(channel)
	return &reader{t: t, client: c}
}

// output returns the next output.
func (r *reader) output() []byte {
	r.t.Helper()
	var o pipe.Output
	r.expect(pipe.EventOutput, &o)
	if r.seq++; o.Seq != r.seq || o.Lost != 0 {
		r.t.Fatalf("seq %d with %d lost, want seq %d", o.Seq, o.Lost, r.seq)
	}
	return o.Bytes()
}

func (r *reader) expect(event string, v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.client.Expect(event).DataString(r.t)), v); err != nil {
		r.t.Fatal(err)
	}
}

func TestPipeCarriesABuild(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, nil, func(t *testing.T, w world) {
		r := w.read(t, "private-build-7")
		cmd := w.pipeCommand(t, "--channel", "private-build-7", "--", "sh", "-c", `echo "<é> \$secret: $RELAY_APP_SECRET$RELAY_REDIS_URL"; exit 3`)
		printed, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("ended with %v", err)
		}
		var started pipe.Started
		var finished pipe.Finished
		r.expect(pipe.EventStarted, &started)
		output := r.output()
		r.expect(pipe.EventFinished, &finished)
		const want = "<é> $secret: \n"
		if string(printed) != want || string(output) != want {
			t.Errorf("passed on %q, published %q", printed, output)
		}
		if started.Command[0] != "sh" || *finished.ExitCode != 3 || finished.Seq != 1 || finished.Bytes != int64(len(want)) {
			t.Errorf("started %+v, finished %+v", started, finished)
		}
	})
}

// Real logs go through pipe, Redis and the relay, and come out byte for byte.
func TestPipeCarriesRealLogs(t *testing.T) {
	t.Parallel()
	logs := relaytest.RealLogs(t)
	w := newWorld(t, nil)
	for _, name := range logs {
		w.run(t, filepath.Base(name), func(t *testing.T, w world) {
			log, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			w.carry(t, log)
		})
	}
}

// carry sends a log through pipe's standard input, no more at a time than a
// channel without a log keeps for a reader.
func (w world) carry(t *testing.T, log []byte) {
	t.Helper()
	const window = 64 << 10
	r := w.read(t, "private-build-8")
	cmd := w.pipeCommand(t, "--channel", "private-build-8", "--interval", "20ms")
	var passed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &passed, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var got []byte
	r.client.Expect(pipe.EventStarted)
	for sent := 0; len(got) < len(log); {
		if n := min(len(log)-sent, window-(sent-len(got))); n > 0 {
			feed(t, stdin, log[sent:sent+n])
			sent += n
		}
		if sent == len(log) {
			stdin.Close() // lets go what may not be cut
		}
		got = append(got, r.output()...)
	}
	r.client.Expect(pipe.EventFinished)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(got, log) || !bytes.Equal(passed.Bytes(), log) {
		t.Error("what came out is not what went in")
	}
}

func feed(t *testing.T, w io.Writer, p []byte) {
	t.Helper()
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
}

func TestPipeTellsWhatItNeedsAndRunsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no channel":  {[]string{"--", "echo", "ran"}, "--channel"},
		"no settings": {[]string{"--channel", "c", "--", "echo", "ran"}, "RELAY_APP_ID"},
		"bad flag":    {[]string{"--chanel", "c", "--", "echo", "ran"}, "-chanel"},
	} {
		cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"pipe"}, tt.args...)...)
		cmd.Env = []string{relaytest.QuickExit, "PATH=" + os.Getenv("PATH")}
		output, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 125 || !strings.Contains(string(output), tt.want) || strings.Contains(string(output), "ran\n") {
			t.Errorf("%s: %v, %s", name, err, output)
		}
	}
}
