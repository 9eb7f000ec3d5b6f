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

// startDemo starts a demo on free ports and reads where it is.
func startDemo(t *testing.T, command ...string) *demoProcess {
	t.Helper()
	args := append([]string{"demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--first-build", "1", "--"}, command...)
	cmd := exec.CommandContext(t.Context(), relaytest.Build(t), args...)
	cmd.Env = []string{relaytest.QuickExit, "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
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
	d := startDemo(t, "sh", "-c", "echo hello; exit 4")
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

	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}
