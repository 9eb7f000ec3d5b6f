package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/metrics"
	"buildrelay/relay/webhook"
)

const (
	target      = "http://ci.example.com/hooks?token=hunter2"
	otherTarget = "http://other.example.com/"
)

// rig is a sender whose outbox and receivers are the test's.
type rig struct {
	t testing.TB
	*outbox
	*post

	apps    *auth.Apps
	metrics *metrics.Metrics
	sender  *webhook.Sender
	log     *logged
	trail   *trail
	stop    func() // ends Run and waits for it
}

// newRig does not run the sender.
func newRig(t testing.TB, networks webhook.Networks, hooks ...auth.Webhook) *rig {
	t.Helper()
	apps, err := auth.NewApps(testApp(hooks...))
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, outbox: newOutbox(t), post: &post{}, apps: apps,
		metrics: metrics.New(prometheus.NewRegistry()), log: new(logged), trail: new(trail), stop: func() {},
	}
	r.sender = webhook.New(webhook.Config{
		Outbox: r.outbox, Apps: apps, Networks: networks, Metrics: r.metrics,
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Auditor: r.trail,
	})
	return r
}

func testApp(hooks ...auth.Webhook) auth.App {
	return auth.App{
		ID: "1", Webhooks: hooks,
		Keys: []auth.Key{{Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8"}},
	}
}

// run runs the sender until the test ends.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	// stop waits for it.
	go func() {
		defer close(ended)
		r.sender.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-ended
	}
	r.t.Cleanup(r.stop)
}

// bubble runs a test in simulated time, with a sender whose requests go to r.answer.
func bubble(t *testing.T, test func(t *testing.T, r *rig), hooks ...auth.Webhook) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil, hooks...)
		r.sender.SetTransport(r.post)
		r.run()
		test(t, r)
	})
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// reload puts other apps in force.
func (r *rig) reload(apps ...auth.App) {
	r.t.Helper()
	if err := r.apps.Replace(apps...); err != nil {
		r.t.Fatal(err)
	}
}

// counted is how many events had an outcome, called how many requests.
func (r *rig) counted(outcome string) int {
	return int(testutil.ToFloat64(r.metrics.Hooks.WithLabelValues("1", outcome)))
}

func (r *rig) called(outcome string) int {
	return int(testutil.ToFloat64(r.metrics.HookCalls.WithLabelValues("1", outcome)))
}

func (r *rig) waiting() int {
	return int(testutil.ToFloat64(r.metrics.HooksWaiting.WithLabelValues("1")))
}

// allDone fails unless nothing is left to do.
func (r *rig) allDone() {
	r.t.Helper()
	if left, waiting := r.left(), r.waiting(); left != 0 || waiting != 0 {
		r.t.Errorf("%d occurrences are not done, %d count as waiting", left, waiting)
	}
}

// post is where requests go, and remembers them.
type post struct {
	mu    sync.Mutex
	calls []call
	// answer says what a call is answered, and after how long; nil is 200 at once.
	answer func(c call) (status int, after time.Duration)
}

// call is a request that was made.
type call struct {
	at     time.Time
	host   string
	body   string
	header http.Header
	events []map[string]any
}

// told is the channels of the events, with a blank between them.
func (c call) told() string {
	var channels []string
	for _, e := range c.events {
		channels = append(channels, e["channel"].(string))
	}
	return strings.Join(channels, " ")
}

func readCall(r *http.Request) (call, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return call{}, err
	}
	var told struct {
		Events []map[string]any `json:"events"`
	}
	err = json.Unmarshal(body, &told)
	return call{time.Now(), r.URL.Host, string(body), r.Header, told.Events}, err
}

func (p *post) RoundTrip(r *http.Request) (*http.Response, error) {
	c, err := readCall(r)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.calls = append(p.calls, c)
	answer := p.answer
	p.mu.Unlock()
	status, after := http.StatusOK, time.Duration(0)
	if answer != nil {
		status, after = answer(c)
	}
	select {
	case <-time.After(after):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

// answers makes calls be answered by f from now on.
func (p *post) answers(f func(c call) (status int, after time.Duration)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// made are the calls up to now, at host if that is not "".
func (p *post) made(host string) (calls []call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if host == "" || c.host == host {
			calls = append(calls, c)
		}
	}
	return calls
}

func (p *post) told() (channels []string) {
	for _, c := range p.made("") {
		channels = append(channels, c.told())
	}
	return channels
}

// on is an occurrence on a channel.
func on(channel string) protocol.Occurrence { return protocol.Occurrence{Channel: channel} }

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}
