package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"buildrelay/relay/relaytest"
)

const tailed = "private-build-7"

// newTailWorld is a world whose builds have logs of so many events.
func newTailWorld(t *testing.T, events int) world {
	t.Helper()
	return newWorld(t, map[string]string{"RELAY_LOG_RULES": "private-build-* events=" + strconv.Itoa(events)})
}

// print appends lines to the build's log, numbered from a number on.
func (w world) print(t *testing.T, from, lines int) {
	t.Helper()
	var batch []map[string]any
	for i := from; i < from+lines; i++ {
		data := fmt.Sprintf(`{"seq":%d,"text":"line %d\n"}`, i, i)
		batch = append(batch, map[string]any{"name": "build:output", "channel": tailed, "data": data})
	}
	for ten := range slices.Chunk(batch, 10) {
		body, err := json.Marshal(map[string]any{"batch": ten})
		if err != nil {
			t.Fatal(err)
		}
		if status, reply := w.Request(http.MethodPost, "/batch_events", string(body)); status != http.StatusOK {
			t.Fatalf("printing: %d %s", status, reply)
		}
	}
}

// finish closes the build's log.
func (w world) finish(t *testing.T) {
	t.Helper()
	const event = `{"name":"build:finished","channel":"` + tailed + `","data":"{}","final":true}`
	if status, reply := w.Request(http.MethodPost, "/events", event); status != http.StatusOK {
		t.Fatalf("closing the log: %d %s", status, reply)
	}
}

func numbered(from, lines int) string {
	text := ""
	for i := from; i < from+lines; i++ {
		text += fmt.Sprintf("line %d\n", i)
	}
	return text
}

// tail is a 'buildrelay tail' that runs.
type tail struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout io.Reader
	stderr *bytes.Buffer
}

func (w world) tail(t *testing.T, args ...string) *tail {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), append([]string{"tail"}, args...)...)
	cmd.Env = []string{
		relaytest.QuickExit, "PATH=" + os.Getenv("PATH"), "RELAY_API_URL=" + w.URL(),
		"RELAY_APP_ID=" + relaytest.AppID, "RELAY_APP_KEY=" + relaytest.Key, "RELAY_APP_SECRET=" + relaytest.Secret,
	}
	x := &tail{t: t, cmd: cmd, stderr: new(bytes.Buffer)}
	cmd.Stderr = x.stderr
	var err error
	if x.stdout, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return x
}

// expect waits for what is printed next.
func (x *tail) expect(want string) {
	x.t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(x.stdout, got); err != nil || string(got) != want {
		x.t.Fatalf("printed %q (%v), want %q; told %s", got[:n], err, want, x.stderr)
	}
}

// expectEnd waits for the end, with the rest that is printed and words that are told.
func (x *tail) expectEnd(code int, rest string, told ...string) {
	x.t.Helper()
	text, err := io.ReadAll(x.stdout)
	if err != nil || string(text) != rest {
		x.t.Errorf("printed %q at the end (%v), want %q", text, err, rest)
	}
	err = x.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		x.t.Fatal(err)
	}
	if got := x.cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("ended with %d, want %d; told %s", got, code, x.stderr)
	}
	for _, words := range told {
		if !strings.Contains(x.stderr.String(), words) {
			x.t.Errorf("told %q, want %q", x.stderr, words)
		}
	}
	if len(told) == 0 && x.stderr.Len() > 0 {
		x.t.Errorf("told %q", x.stderr)
	}
}

func TestTailFollowsABuildToItsEnd(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, map[string]string{"RELAY_LOG_RULES": "private-build-*"}, func(t *testing.T, w world) {
		w.print(t, 1, 3)
		args := []string{tailed}
		if w.Certs != nil {
			args = append(args, "--ca-file", w.Certs.CAFile)
		}
		x := w.tail(t, args...)
		x.expect(numbered(1, 3))
		w.print(t, 4, 2)
		x.expect(numbered(4, 2))
		w.finish(t)
		x.expectEnd(0, "")
	})
}

func TestTailGoesOnWhereItWasWhenTheRelayComesBack(t *testing.T) {
	t.Parallel()
	w := newTailWorld(t, 100)
	w.print(t, 1, 2)
	x := w.tail(t, tailed)
	x.expect(numbered(1, 2))
	w.Restart()
	w.print(t, 3, 2)
	x.expect(numbered(3, 2))
	w.Kill()
	w.Restart()
	w.print(t, 5, 2)
	w.finish(t)
	x.expectEnd(0, numbered(5, 2), "trying again", "the relay is back")
}

func TestTailBeginsWhereItIsToldTo(t *testing.T) {
	t.Parallel()
	w := newTailWorld(t, 700)
	w.print(t, 1, 620) // more than one page
	w.tail(t, tailed, "--no-follow").expectEnd(0, numbered(1, 620))
	w.tail(t, tailed, "--no-follow", "-n", "3").expectEnd(0, numbered(618, 3))
	w.tail(t, tailed, "--no-follow", "-n", "0").expectEnd(0, "")
	w.tail(t, tailed, "--no-follow", "-n", "610").expectEnd(0, numbered(11, 610))
	w.tail(t, tailed, "--no-follow", "-n", "9999").expectEnd(0, numbered(1, 620))

	x := w.tail(t, tailed, "-n", "1")
	x.expect(numbered(620, 1))
	if err := x.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	x.expectEnd(130, "", "--since ")
	_, position, _ := strings.Cut(x.stderr.String(), "--since ")
	position, _, _ = strings.Cut(position, " ")
	w.print(t, 621, 2)
	w.finish(t)
	w.tail(t, tailed, "--since", position).expectEnd(0, numbered(621, 2))
	w.tail(t, tailed, "-n", "1").expectEnd(0, numbered(622, 1))
}

func TestTailTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newTailWorld(t, 10)
	w.print(t, 1, 20)
	w.tail(t, tailed, "--no-follow").expectEnd(1, numbered(11, 10), "10 events are missing")
	w.tail(t, tailed, "--no-follow", "-n", "9").expectEnd(0, numbered(12, 9))
	w.tail(t, tailed, "--no-follow", "-n", "10").expectEnd(1, numbered(11, 10), "10 events are missing")
	w.publish("build:output", `{"seq":21,"lost":99}`, tailed)
	w.finish(t)
	w.tail(t, tailed, "-n", "1").expectEnd(1, numbered(20, 1), "99 bytes of the output are missing")
}

func TestTailPrintsAURLForCurl(t *testing.T) {
	t.Parallel()
	w := newTailWorld(t, 10)
	w.print(t, 1, 2)
	w.finish(t)
	for _, args := range [][]string{{tailed, "--print-url"}, {tailed, "--print-url", "--no-follow"}} {
		x := w.tail(t, args...)
		url, err := io.ReadAll(x.stdout)
		if err != nil {
			t.Fatal(err)
		}
		x.expectEnd(0, "")
		text, err := exec.CommandContext(t.Context(), "curl", "-sSfN", strings.TrimSpace(string(url))).Output()
		if err != nil || string(text) != numbered(1, 2) {
			t.Errorf("%v: curl printed %q, %v", args, text, err)
		}
	}
}

func TestTailTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newTailWorld(t, 10)
	w.tail(t).expectEnd(1, "", "tail needs a channel")
	w.tail(t, tailed, "--nonsense").expectEnd(2, "", "nonsense")
	w.tail(t, tailed, "--since", "x").expectEnd(1, "", "invalid position")
	w.tail(t, "private-other").expectEnd(1, "", "RELAY_LOG_RULES")
	w.tail(t, tailed, "--no-follow").expectEnd(1, "", "has no log")
	w.tail(t, tailed, "--url", "").expectEnd(1, "", "RELAY_API_URL is not set")
	w.tail(t, tailed, "--url", "http://127.0.0.1:1").expectEnd(1, "", "can't be reached")
	w.tail(t, tailed, "--url", w.URL()+"/path").expectEnd(1, "", "no path")
	w.redis.Stop()
	w.tail(t, tailed).expectEnd(1, "", "try again")
}
