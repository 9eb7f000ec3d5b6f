package relaytest

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Relay is a running `buildrelay serve`.
type Relay struct {
	// Address and Metrics are where it listens, as host:port.
	Address, Metrics string
	// Certs is what it serves TLS with, nil if it does not.
	Certs *Certs

	t       testing.TB
	binary  string
	args    []string // nil means "serve"
	env     map[string]string
	process *child
	earlier []string // what the processes before it logged
	ending  bool     // told to end: an exit is expected
	client  *http.Client
}

// LogLine is one line of the relay's log.
type LogLine map[string]any

// Text is a member of the line, or "" if it has none or is no string.
func (l LogLine) Text(member string) string {
	text, _ := l[member].(string)
	return text
}

// ServeTLS is the part of the environment that makes a relay serve TLS with certs.
func ServeTLS(certs *Certs) map[string]string {
	return map[string]string{
		"RELAY_TLS": "on", "RELAY_TLS_CERT_FILE": certs.CertFile, "RELAY_TLS_KEY_FILE": certs.KeyFile,
	}
}

// StartRelay builds the binary, runs `buildrelay serve` with env and nothing else in its
// environment, and returns when it is ready. Unless env says otherwise it listens
// on free ports of loopback, without TLS, logs from debug on, stops without a
// delay or window, and has the fixture's app, if not those of an apps file; RELAY_REDIS_URL is for
// env to give. The test fails if the process ends unasked, panics or has a data race.
func StartRelay(t testing.TB, env map[string]string) *Relay {
	t.Helper()
	return start(t, Build(t), env, nil)
}

// StartFaultyRelay is StartRelay with the binary of [BuildFaulty].
func StartFaultyRelay(t testing.TB, env map[string]string) *Relay {
	t.Helper()
	return start(t, BuildFaulty(t), env, nil)
}

// StartRelayTLS is StartRelay, but for a relay that serves TLS with certs.
func StartRelayTLS(t testing.TB, certs *Certs, env map[string]string) *Relay {
	t.Helper()
	return start(t, Build(t), env, certs)
}

func start(t testing.TB, binary string, env map[string]string, certs *Certs, args ...string) *Relay {
	t.Helper()
	r := prepare(t, binary, env, certs, args...)
	r.run()
	return r
}

// prepare is start, but starts nothing.
func prepare(t testing.TB, binary string, env map[string]string, certs *Certs, args ...string) *Relay {
	t.Helper()
	r := &Relay{t: t, binary: binary, args: args, Certs: certs, client: &http.Client{Transport: &http.Transport{}}}
	r.env = map[string]string{
		"HOME":                 t.TempDir(),
		"RELAY_LISTEN":         "127.0.0.1:0",
		"RELAY_METRICS_LISTEN": "127.0.0.1:0",
		"RELAY_TLS":            "off",
		"RELAY_LOG_LEVEL":      "debug",
		"RELAY_DRAIN_DELAY":    "0s",
		"RELAY_DRAIN_WINDOW":   "0s",
		"RELAY_APP_ID":         AppID,
		"RELAY_APP_KEY":        Key,
		"RELAY_APP_SECRET":     Secret,
	}
	if certs != nil {
		maps.Copy(r.env, ServeTLS(certs))
		r.client.Transport = &http.Transport{TLSClientConfig: certs.Client()}
	}
	if env["RELAY_APPS_FILE"] != "" {
		maps.DeleteFunc(r.env, func(name, _ string) bool { return strings.HasPrefix(name, "RELAY_APP_") })
	}
	maps.Copy(r.env, env)
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// run starts the process and waits until it is ready.
func (r *Relay) run() {
	r.t.Helper()
	process := r.launch()
	r.t.Cleanup(func() {
		if r.process == process {
			r.Stop()
		}
	})
	r.AwaitReady()
}

// launch starts the process.
func (r *Relay) launch() *child {
	r.t.Helper()
	args := r.args
	if len(args) == 0 {
		args = []string{"serve"}
	}
	cmd := exec.Command(r.binary, args...)
	cmd.Env = []string{QuickExit}
	for name, value := range r.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	r.earlier = r.LogOfAll()
	r.ending = false
	r.process = startChild(r.t, "buildrelay", cmd)
	return r.process
}

// AwaitReady waits until the process is ready, and knows its addresses then.
func (r *Relay) AwaitReady() {
	r.t.Helper()
	r.AwaitListening()
	r.waitReady()
}

// AwaitListening waits until the process listens, and knows its addresses then.
func (r *Relay) AwaitListening() {
	r.t.Helper()
	var at int
	r.Address, at = r.listening(0)
	r.Metrics, _ = r.listening(at + 1)
}

// listening waits for the address of a listener in the log, from a line on. The
// one for clients comes first, the one for metrics second.
func (r *Relay) listening(from int) (address string, at int) {
	r.t.Helper()
	line, at := r.process.expectLine(r.t, r.process.stderr, "its addresses", from, func(text string) bool {
		return parseLog(text).Text("msg") == "listening"
	})
	return parseLog(line).Text("address"), at
}

// waitReady asks until the relay says that it is ready: how long its first
// connection to Redis takes is not told in any other way.
func (r *Relay) waitReady() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for r.Readiness(ctx) != http.StatusOK {
		select {
		case <-again.C:
		case <-r.process.ended:
			r.t.Fatalf("buildrelay ended before it was ready:\n%s", r.process.said())
		case <-ctx.Done():
			r.t.Fatalf("buildrelay did not become ready:\n%s", r.process.said())
		}
	}
}

// MetricsURL is that of the listener for metrics, with the operators' token if there is one.
func (r *Relay) MetricsURL() string {
	u := url.URL{Scheme: "http", Host: r.Metrics}
	if r.env["RELAY_METRICS_TLS"] == "on" {
		u.Scheme = "https"
	}
	if token := r.env["RELAY_ADMIN_TOKEN"]; token != "" {
		u.User = url.UserPassword("operator", token)
	}
	return u.String()
}

// Readiness is the status of /readyz, 0 if there was no answer.
func (r *Relay) Readiness(ctx context.Context) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.MetricsURL()+"/readyz", http.NoBody)
	if err != nil {
		r.t.Fatalf("asking for readiness: %v", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// ExpectLog waits for the first line with the message msg and, where given, with
// these members, as name, value, name, value.
func (r *Relay) ExpectLog(msg string, members ...string) LogLine {
	r.t.Helper()
	what := "the log line " + strings.Join(append([]string{msg}, members...), " ")
	line, _ := r.process.expectLine(r.t, r.process.stderr, what, 0, func(text string) bool {
		line := parseLog(text)
		matches := line.Text("msg") == msg
		for i := 0; i+1 < len(members); i += 2 {
			matches = matches && line.Text(members[i]) == members[i+1]
		}
		return matches
	})
	return parseLog(line)
}

// Log is the log so far, raw.
func (r *Relay) Log() []string { return r.process.stderr.all() }

// LogOfAll is the log so far, and before it those of the processes that ended before a
// Restart.
func (r *Relay) LogOfAll() []string {
	if r.process == nil {
		return nil
	}
	return slices.Concat(r.earlier, r.Log())
}

func parseLog(text string) LogLine {
	var line LogLine
	if json.Unmarshal([]byte(text), &line) != nil {
		return nil
	}
	return line
}

// Signal sends a signal to the process.
func (r *Relay) Signal(s os.Signal) {
	r.t.Helper()
	r.ending = r.ending || s == syscall.SIGTERM || s == syscall.SIGINT
	if err := r.process.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("sending %v to buildrelay: %v", s, err)
	}
}

// Stop ends the relay gracefully and looks at how it ended.
func (r *Relay) Stop() {
	r.t.Helper()
	unasked := !r.process.running() && !r.ending
	r.ending = true
	if !r.process.stop(syscall.SIGTERM) {
		r.t.Errorf("buildrelay did not stop within %v:\n%s", Patience, r.process.said())
		return
	}
	switch code := r.process.cmd.ProcessState.ExitCode(); {
	case unasked:
		r.t.Errorf("buildrelay ended unasked: %v\n%s", r.process.cmd.ProcessState, r.process.said())
	case code > 0: // -1 is a signal, of Kill
		r.t.Errorf("buildrelay ended with code %d:\n%s", code, r.process.said())
	case broken.MatchString(r.process.said()):
		r.t.Errorf("buildrelay panicked or has a data race:\n%s", r.process.said())
	}
}

// broken finds a panic and a report of the race detector in a log.
var broken = regexp.MustCompile(`(?m)^panic:|^fatal error:|DATA RACE|msg":"(http: )?panic`)

// Kill ends the relay as the kernel would: its connections are cut.
func (r *Relay) Kill() {
	r.ending = true
	r.process.stop(os.Kill)
}

// Restart stops the relay and starts it again on the same addresses.
func (r *Relay) Restart() {
	r.t.Helper()
	r.Stop()
	r.env["RELAY_LISTEN"], r.env["RELAY_METRICS_LISTEN"] = r.Address, r.Metrics
	r.run()
}
