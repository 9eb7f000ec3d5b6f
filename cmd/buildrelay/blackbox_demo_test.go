package main_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/demo"
	"buildrelay/relay/pipe"
	"buildrelay/relay/relaytest"
)

// demoProcess is a running `buildrelay demo`.
type demoProcess struct {
	t    *testing.T
	cmd  *exec.Cmd
	page string // its address without TLS
}

// startDemo starts a demo on free ports, with so much more in its environment, and
// reads where it is.
func startDemo(t *testing.T, env []string, args ...string) *demoProcess {
	t.Helper()
	args = append([]string{"demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0"}, args...)
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), args...)
	cmd.Env = append([]string{relaytest.QuickExit, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir()}, env...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if found := regexp.MustCompile(`Open (http://\S+)`).FindStringSubmatch(lines.Text()); found != nil {
			return &demoProcess{t, cmd, found[1]}
		}
	}
	t.Fatalf("it does not say where it is: %v", cmd.Wait())
	return nil
}

// get decodes the answer of a path into v, and reports whether there was one.
func (d *demoProcess) get(path string, v any) bool {
	d.t.Helper()
	r, err := http.Get(d.page + path)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return false
	}
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		d.t.Fatal(err)
	}
	return true
}

// await asks until done.
func (d *demoProcess) await(what string, done func() bool) {
	d.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(relaytest.Patience)
	for !done() {
		select {
		case <-again.C:
		case <-deadline:
			d.t.Fatalf("no %s", what)
		}
	}
}

// newest waits until the newest build of the list is as it should be.
func (d *demoProcess) newest(done func(demo.Build) bool) (b demo.Build) {
	d.t.Helper()
	d.await("such a build", func() bool {
		var list struct{ Builds []demo.Build }
		if !d.get("/builds", &list) || len(list.Builds) == 0 {
			return false
		}
		b = list.Builds[0]
		return done(b)
	})
	return b
}

// end ends the process by a signal.
func (d *demoProcess) end(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil && s != syscall.SIGKILL {
		d.t.Errorf("ended with %v", err)
	}
}

// sign asks for what lets a connection subscribe to a channel.
func (d *demoProcess) sign(socketID, channel string) (auth string) {
	d.t.Helper()
	r, err := http.PostForm(d.page+"/pusher/auth", url.Values{"socket_id": {socketID}, "channel_name": {channel}})
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	var reply struct{ Auth string }
	if err := json.Unmarshal(body, &reply); err != nil {
		d.t.Fatalf("%s: %v", body, err)
	}
	return reply.Auth
}

func TestDemoRunsACommandAgainAndAgainAndShowsIt(t *testing.T) {
	t.Parallel()
	d := startDemo(t, nil, "--first-build", "1", "--", "sh", "-c", "echo hello; exit 4")
	var config struct{ Key string }
	d.await("page", func() bool { return d.get("/config.json", &config) })

	// As the page does: connect, subscribe with what the backend signs, and see the
	// list change.
	c := relaytest.DialWS(t, "ws"+strings.TrimPrefix(d.page, "http")+"/app/"+config.Key+"?protocol=7", relaytest.WSOptions{})
	c.Established()
	c.Send(`{"event":"pusher:subscribe","data":{"channel":"private-builds","auth":"` + d.sign(c.SocketID, "private-builds") + `"}}`)
	c.Await("pusher_internal:subscription_succeeded")
	var live demo.Build
	for live.Status != demo.Failed {
		if err := json.Unmarshal([]byte(c.Await("build:updated").DataString(t)), &live); err != nil {
			t.Fatal(err)
		}
	}
	if live.Line != "hello" || *live.ExitCode != 4 {
		t.Errorf("told of %+v", live)
	}

	var list struct{ Builds []demo.Build }
	d.await("second build", func() bool { return d.get("/builds", &list) && len(list.Builds) > 1 })
	if b := list.Builds[len(list.Builds)-1]; b.Status != demo.Failed || *b.ExitCode != 4 || b.Line != "hello" {
		t.Errorf("first build: %+v", b)
	}

	// The first build has long ended, and is shown from its first line.
	c.Send(`{"event":"pusher:subscribe","data":{"channel":"private-build-1","auth":"` + d.sign(c.SocketID, "private-build-1") + `"}}`)
	var output pipe.Output
	if err := json.Unmarshal([]byte(c.Await("build:output").DataString(t)), &output); err != nil || output.Text != "hello\n" {
		t.Errorf("output %+v, %v", output, err)
	}
	c.Await("build:finished")
	c.Await("relay:final")

	d.end(syscall.SIGTERM)
}

// A demo is killed, and another begins, on a Redis that keeps the first one's logs.
func TestDemoTakesUpNoLogOfAnotherRun(t *testing.T) {
	t.Parallel()
	w := world{redis: relaytest.StartRedis(t)}
	env := []string{
		"RELAY_REDIS_URL=" + w.redis.URL(), "RELAY_APP_ID=" + relaytest.AppID,
		"RELAY_APP_KEY=" + relaytest.Key, "RELAY_APP_SECRET=" + relaytest.Secret,
	}
	first := startDemo(t, env, "--", "sh", "-c", "echo of the first; while sleep 0.2 && echo; do :; done")
	killed := first.newest(func(b demo.Build) bool { return b.Line == "of the first" })
	w.awaitLog(t, killed.Channel, "of the first\n")
	first.end(syscall.SIGKILL)
	<-time.After(time.Until(time.Unix(killed.ID+1, 0))) // it numbers by the clock

	second := startDemo(t, env, "--", "sh", "-c", "echo of the second")
	passed := second.newest(func(b demo.Build) bool { return b.Status == demo.Passed })
	if passed.ID <= killed.ID {
		t.Errorf("build %d follows build %d", passed.ID, killed.ID)
	}
	w.expectLog(t, passed.Channel, []byte("of the second\n"))
	second.end(syscall.SIGTERM)
}
