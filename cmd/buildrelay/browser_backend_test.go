package main_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// ciBackend is a running `buildrelay demo`: the small CI backend with its page,
// and, unless it was started with --backend, the relay too.
type ciBackend struct {
	t      *testing.T
	url    string // https
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process has been waited for
	said   *transcript
	client *http.Client
}

// transcript keeps what a process prints. It is safe for concurrent use.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// startDemo runs `buildrelay demo` with a command that it builds in dir again and
// again.
func (b *browser) startDemo(t *testing.T, dir string, command ...string) *ciBackend {
	t.Helper()
	return b.startBackend(t, dir, demoArgs(command), nil)
}

// startSealedDemo is startDemo with logs that are sealed.
func (b *browser) startSealedDemo(t *testing.T, dir string, command ...string) *ciBackend {
	t.Helper()
	file, _ := newKeysFile(t)
	return b.startBackend(t, dir, demoArgs(command), map[string]string{"RELAY_APP_SEAL": "required", "RELAY_KEYS_FILE": file})
}

func demoArgs(command []string) []string {
	return append([]string{"demo", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--"}, command...)
}

// startBeside runs `buildrelay demo --backend` beside a relay of startLogRelay.
func (b *browser) startBeside(t *testing.T, w logWorld, dir string, command ...string) *ciBackend {
	t.Helper()
	return b.startBehind(t, w, w.Address, dir, command...)
}

// startBehind is startBeside, but browsers reach the relay at an address of loopback that
// is not its own.
func (b *browser) startBehind(t *testing.T, w logWorld, relay, dir string, command ...string) *ciBackend {
	t.Helper()
	_, port, _ := strings.Cut(relay, ":")
	args := append([]string{"demo", "--backend", "--relay-port", port, "--first-build", "1", "--"}, command...)
	env := map[string]string{
		"RELAY_LISTEN":     "127.0.0.1:0",
		"RELAY_REDIS_URL":  w.redis.URL(),
		"RELAY_APP_ID":     relaytest.AppID,
		"RELAY_APP_KEY":    relaytest.Key,
		"RELAY_APP_SECRET": relaytest.Secret,
		"RELAY_LOG_RULES":  w.rules,
	}
	maps.Copy(env, relaytest.ServeTLS(b.certs))
	return b.startBackend(t, dir, args, env)
}

// startBackend runs the real binary in dir, with env and little else in its
// environment, and returns when it listens with TLS.
func (b *browser) startBackend(t *testing.T, dir string, args []string, env map[string]string) *ciBackend {
	t.Helper()
	backend := &ciBackend{t: t, ended: make(chan struct{}), said: &transcript{}}
	backend.client = &http.Client{
		Timeout:   relaytest.Patience,
		Transport: &http.Transport{TLSClientConfig: b.certs.Client()},
	}
	t.Cleanup(backend.client.CloseIdleConnections)
	cmd := exec.Command(relaytest.Build(t), args...)
	cmd.Dir = dir
	cmd.Env = []string{relaytest.QuickExit, "XDG_CACHE_HOME=" + b.cache, "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = backend.said, backend.said
	backend.start(cmd)
	return backend
}

func (b *ciBackend) start(cmd *exec.Cmd) {
	b.t.Helper()
	if err := cmd.Start(); err != nil {
		b.t.Fatalf("starting a backend: %v", err)
	}
	b.cmd = cmd
	// stop waits for it.
	go func() {
		defer close(b.ended)
		_ = cmd.Wait() // how it ended is read from ProcessState
	}()
	b.t.Cleanup(b.stop)
	b.eventually("it listens with TLS", func() bool {
		address := b.listening()
		b.url = "https://" + address
		return address != ""
	})
}

// listening is the address of the TLS listener, as the log tells it.
func (b *ciBackend) listening() string {
	for line := range strings.Lines(b.said.String()) {
		var entry struct {
			Msg, Address string
			TLS          bool
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" && entry.TLS {
			return entry.Address
		}
	}
	return ""
}

// listedBuild is a build as GET /builds has it.
type listedBuild struct {
	ID           int
	Status, Line string
}

func (b *ciBackend) build(id int) listedBuild {
	b.t.Helper()
	response, err := b.client.Get(b.url + "/builds")
	if err != nil {
		b.t.Fatalf("asking for the builds: %v", err)
	}
	defer response.Body.Close()
	var list struct{ Builds []listedBuild }
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		b.t.Fatalf("reading the builds: %v", err)
	}
	for _, build := range list.Builds {
		if build.ID == id {
			return build
		}
	}
	return listedBuild{}
}

// printed waits until a line is the newest that a build has printed.
func (b *ciBackend) printed(id int, line string) {
	b.t.Helper()
	b.eventually("build "+strconv.Itoa(id)+" has printed "+line, func() bool { return b.build(id).Line == line })
}

// passed waits until a build has passed.
func (b *ciBackend) passed(id int) {
	b.t.Helper()
	b.eventually("build "+strconv.Itoa(id)+" has passed", func() bool { return b.build(id).Status == "passed" })
}

// eventually waits until done is true.
func (b *ciBackend) eventually(what string, done func() bool) {
	b.t.Helper()
	deadline := time.NewTimer(relaytest.Patience)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-b.ended:
			b.t.Fatalf("the backend ended, while waiting until %s:\n%s", what, b.said)
		case <-deadline.C:
			b.t.Fatalf("waited in vain until %s:\n%s", what, b.said)
		}
	}
}

// stop ends the backend as an operator would and looks at how it ended.
func (b *ciBackend) stop() {
	_ = b.cmd.Process.Signal(syscall.SIGTERM) // an error says that it has ended already
	timer := time.NewTimer(relaytest.Patience)
	defer timer.Stop()
	select {
	case <-b.ended:
	case <-timer.C:
		_ = b.cmd.Process.Kill()
		<-b.ended
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 || strings.Contains(b.said.String(), "DATA RACE") {
		b.t.Errorf("the backend ended with %v:\n%s", b.cmd.ProcessState, b.said)
	}
}
