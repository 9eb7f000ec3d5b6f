package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"buildrelay/relay/relaytest"
)

// serviceManager is systemd, as a service sees it.
type serviceManager struct {
	socket *net.UnixConn
	path   string
	heard  sync.WaitGroup

	mu     sync.Mutex
	states []notified
}

// notified is what a service said, and when.
type notified struct {
	state string
	at    time.Time
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &serviceManager{socket: socket, path: path}
	m.heard.Go(m.hear)
	t.Cleanup(func() {
		socket.Close()
		m.heard.Wait()
	})
	return m
}

func (m *serviceManager) hear() {
	message := make([]byte, 4<<10)
	for {
		n, err := m.socket.Read(message)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.states = append(m.states, notified{string(message[:n]), time.Now()})
		m.mu.Unlock()
	}
}

// said is what the service said so far that begins with what.
func (m *serviceManager) said(what string) (states []notified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.states {
		if strings.HasPrefix(s.state, what) {
			states = append(states, s)
		}
	}
	return states
}

// await waits until the service has said something so many times.
func (m *serviceManager) await(t *testing.T, what string, times int) []notified {
	t.Helper()
	relaytest.Eventually(t, fmt.Sprintf("%s is said %d times", what, times), func() bool { return len(m.said(what)) >= times })
	return m.said(what)
}

// env is what a service is started with.
func (m *serviceManager) env(watchdog time.Duration) map[string]string {
	return map[string]string{"NOTIFY_SOCKET": m.path, "WATCHDOG_USEC": fmt.Sprint(watchdog.Microseconds())}
}

func TestSystemdIsToldHowTheNodeIs(t *testing.T) {
	t.Parallel()
	const watchdog = 400 * time.Millisecond
	m, file := newServiceManager(t), newAppsFile(t, fixtureApp())
	env := file.env(m.env(watchdog))
	env["RELAY_DRAIN_DELAY"] = "1s"
	w := newWorld(t, env)
	m.await(t, "READY=1", 1)

	beats := m.await(t, "WATCHDOG=1", 5)
	for i := 1; i < len(beats); i++ {
		if pause := beats[i].at.Sub(beats[i-1].at); pause > watchdog {
			t.Errorf("%v passed without a sign of life", pause)
		}
	}

	before := monotonic(t)
	w.Signal(syscall.SIGHUP)
	reloading := m.await(t, "RELOADING=1\n", 1)[0]
	m.await(t, "READY=1", 2)
	w.ExpectLog("the apps file is what is in force")
	var asked int64
	if _, err := fmt.Sscanf(reloading.state, "RELOADING=1\nMONOTONIC_USEC=%d", &asked); err != nil {
		t.Fatalf("%q: %v", reloading.state, err)
	}
	if asked < before || asked > monotonic(t) {
		t.Errorf("the reload began at %d, after %d", asked, before)
	}

	w.Signal(syscall.SIGTERM)
	m.await(t, "STOPPING=1", 1)
	w.AwaitEnd(relaytest.Patience)
	if n := len(m.said("READY=1")); n != 2 {
		t.Errorf("it was ready %d times", n)
	}
}

// monotonic is the machine's monotonic clock in microseconds.
func monotonic(t *testing.T) int64 {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return now.Nano() / 1000
}

// A node that has never heard Redis has not started, and what is reloaded does not change that.
func TestSystemdIsNotToldOfAStartBeforeRedisIsHeard(t *testing.T) {
	t.Parallel()
	m, server := newServiceManager(t), relaytest.StartRedis(t)
	server.Freeze()
	w := world{relaytest.LaunchRelay(t, with(server, m.env(time.Second))), server}
	m.await(t, "WATCHDOG=1", 2)
	w.Signal(syscall.SIGHUP)
	m.await(t, "RELOADING=1", 1)
	w.ExpectLog("SIGHUP: there is nothing to reload, since there is no RELAY_APPS_FILE")
	m.await(t, "WATCHDOG=1", 4)
	if said := m.said("READY=1"); len(said) > 0 {
		t.Error("it is ready, and has not heard Redis")
	}
	server.Thaw()
	m.await(t, "READY=1", 1)
	w.AwaitReady()
}

// Where nobody listens, or nothing is right, the node says so, and does not start.
func TestANodeThatCannotTellSystemdSaysSo(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	for text, env := range map[string]map[string]string{
		"NOTIFY_SOCKET": {"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "nobody")},
		"WATCHDOG_USEC": {"NOTIFY_SOCKET": newServiceManager(t).path, "WATCHDOG_USEC": "soon"},
	} {
		r := relaytest.LaunchRelay(t, with(server, env))
		if state := r.AwaitEnd(relaytest.Patience); state.ExitCode() != 1 {
			t.Errorf("%s: it ended by %v", text, state)
		}
		if log := strings.Join(r.Log(), "\n"); !strings.Contains(log, "buildrelay: "+text) {
			t.Errorf("%s: it said %s", text, log)
		}
	}
}

// analyze is systemd's own program that looks at units.
func analyze(t *testing.T, args ...string) (output string, err error) {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("systemd-analyze is not installed: run .ci/setup systemd")
	}
	said, err := exec.Command(program, args...).CombinedOutput()
	return string(said), err
}

func TestTheUnitForSystemdIsValid(t *testing.T) {
	t.Parallel()
	unit, err := os.ReadFile("../../deploy/buildrelay.service")
	if err != nil {
		t.Fatal(err)
	}
	// It looks for the program, which is not installed here.
	text := strings.Replace(string(unit), "/usr/local/bin/buildrelay", relaytest.Build(t), 1)
	path := filepath.Join(t.TempDir(), "buildrelay.service")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := analyze(t, "verify", "--man=no", path)
	if err != nil {
		t.Errorf("systemd-analyze verify: %v", err)
	}
	for line := range strings.Lines(output) {
		if !strings.Contains(line, "service type, ignoring: notify-reload") { // of systemd before 253
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}

// systemd rates what a service may do: 10 is everything. What is left here is to speak to
// the network, by addresses that the settings name.
func TestTheUnitForSystemdLeavesNoRightThatIsNotNeeded(t *testing.T) {
	t.Parallel()
	const most = "15" // 1.5
	output, err := analyze(t, "security", "--offline=yes", "--no-pager", "--threshold="+most, "../../deploy/buildrelay.service")
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, output)
	}
}
