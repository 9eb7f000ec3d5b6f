package relaytest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Hooks is a backend that receives webhooks, on loopback.
type Hooks struct {
	t testing.TB
	*receiver
}

type receiver struct {
	address string
	path    string
	calls   *journal[HookCall]
	told    *journal[toldHook]
	serving sync.WaitGroup

	mu      sync.Mutex
	next    map[string]int // by channel: index in told of what comes after what was awaited last
	server  *http.Server   // nil while it is down
	gone    chan struct{}  // closed when it goes down
	answers []HookAnswer   // what the next calls get; the last stays
}

// toldHook is an event with the call that it came in.
type toldHook struct {
	event HookEvent
	call  HookCall
}

// HookCall is a request that came.
type HookCall struct {
	Method, Path string
	Header       http.Header
	Body         string
	TimeMS       int64
	Events       []HookEvent
}

// HookEvent is an event of a webhook.
type HookEvent struct {
	Name     string `json:"name"`
	Channel  string `json:"channel"`
	UserID   string `json:"user_id"`
	Event    string `json:"event"`
	Data     string `json:"data"`
	SocketID string `json:"socket_id"`
	Count    int    `json:"subscription_count"`
	// ID is what X-Relay-Event-Ids calls it; Members are the names of all that it has.
	ID      string   `json:"-"`
	Members []string `json:"-"`
}

// StartHooks starts a backend that answers its calls as answers say, one after the other;
// the last answer stays, and without any each call is answered 200.
func StartHooks(t testing.TB, answers ...HookAnswer) *Hooks {
	t.Helper()
	h := &Hooks{t, &receiver{
		path: "/hooks", calls: newJournal[HookCall](), told: newJournal[toldHook](), next: make(map[string]int),
	}}
	h.Answer(answers...)
	h.listen("127.0.0.1:0")
	t.Cleanup(h.Down)
	return h
}

// For is h as a subtest sees it, as [Relay.For] is.
func (h *Hooks) For(t testing.TB) *Hooks { return &Hooks{t, h.receiver} }

// URL is where it receives webhooks.
func (h *Hooks) URL() string { return "http://" + h.address + h.path }

// Setting is RELAY_APP_WEBHOOKS for it: all events, and what more is given, as
// "events: [cache_miss]".
func (h *Hooks) Setting(more ...string) string {
	return "[{" + strings.Join(append([]string{"url: '" + h.URL() + "'"}, more...), ", ") + "}]"
}

// Answer replaces the answers that the next calls get.
func (h *Hooks) Answer(answers ...HookAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(answers) == 0 {
		answers = []HookAnswer{HookStatus(http.StatusOK)}
	}
	h.answers = answers
}

// Down ends it: whoever calls is refused. What waits for an answer gets none.
func (h *Hooks) Down() {
	h.mu.Lock()
	server, gone := h.server, h.gone
	h.server = nil
	h.mu.Unlock()
	if server == nil {
		return
	}
	close(gone)
	_ = server.Close() // fails only where it is closed already
	h.serving.Wait()
}

// Up starts it again, where it was.
func (h *Hooks) Up() {
	h.t.Helper()
	h.listen(h.address)
}

func (h *Hooks) listen(address string) {
	h.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		h.t.Fatalf("listening for webhooks: %v", err)
	}
	h.address = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(h.receive)}
	h.mu.Lock()
	h.server, h.gone = server, make(chan struct{})
	h.mu.Unlock()
	h.serving.Go(func() { _ = server.Serve(listener) }) // it ends with Down
}

// receive notes a call and answers it.
func (h *Hooks) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who called has gone
	}
	answer, gone := h.note(parseHook(r, body))
	answer(w, gone)
}

// note keeps a call and returns what answers it.
func (h *Hooks) note(call HookCall) (answer HookAnswer, gone <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer = h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	h.calls.add(call)
	for _, event := range call.Events {
		h.told.add(toldHook{event, call})
	}
	return answer, h.gone
}

// parseHook reads a call; what cannot be read is missing in it.
func parseHook(r *http.Request, body []byte) HookCall {
	call := HookCall{Method: r.Method, Path: r.URL.Path, Header: r.Header, Body: string(body)}
	var content struct {
		TimeMS int64             `json:"time_ms"`
		Events []json.RawMessage `json:"events"`
	}
	if json.Unmarshal(body, &content) != nil {
		return call
	}
	call.TimeMS = content.TimeMS
	ids := strings.Split(r.Header.Get("X-Relay-Event-Ids"), ",")
	for i, raw := range content.Events {
		var event HookEvent
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &event) != nil || json.Unmarshal(raw, &members) != nil {
			event.Name = "garbage: " + string(raw)
		}
		for name := range members {
			event.Members = append(event.Members, name)
		}
		slices.Sort(event.Members)
		if i < len(ids) {
			event.ID = ids[i]
		}
		call.Events = append(call.Events, event)
	}
	return call
}

// Calls are the calls so far.
func (h *Hooks) Calls() []HookCall { return h.calls.all() }

// Of is every event of a channel so far, in the order in which they came.
func (h *Hooks) Of(channel string) []HookEvent {
	var of []HookEvent
	for _, told := range h.told.all() {
		if told.event.Channel == channel {
			of = append(of, told.event)
		}
	}
	return of
}

// ExpectOf waits until n events of a channel have come.
func (h *Hooks) ExpectOf(channel string, n int) {
	h.t.Helper()
	_, _ = await(h, h.told, fmt.Sprintf("%d events of %s", n, channel), 0, func(told toldHook) bool {
		if told.event.Channel == channel {
			n--
		}
		return n <= 0
	})
}

// NamesOf are the names of [Hooks.Of].
func (h *Hooks) NamesOf(channel string) []string {
	var names []string
	for _, event := range h.Of(channel) {
		names = append(names, event.Name)
	}
	return names
}

// ExpectCall waits until n calls have come, and returns the n-th, from 1 on.
func (h *Hooks) ExpectCall(n int) HookCall {
	h.t.Helper()
	call, _ := await(h, h.calls, fmt.Sprintf("call %d", n), n-1, func(HookCall) bool { return true })
	return call
}

// Await waits for an event of a channel, after those of the channel that were awaited
// before; it passes over others. It returns the event, and the call that it came in. One
// goroutine at a time may await events of a channel.
func (h *Hooks) Await(name, channel string) (HookEvent, HookCall) {
	h.t.Helper()
	h.mu.Lock()
	next := h.next[channel]
	h.mu.Unlock()
	told, at := await(h, h.told, name+" of "+channel, next, func(told toldHook) bool {
		return told.event.Name == name && told.event.Channel == channel
	})
	h.mu.Lock()
	h.next[channel] = at + 1
	h.mu.Unlock()
	return told.event, told.call
}

func await[T any](h *Hooks, from *journal[T], what string, index int, match func(T) bool) (T, int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), Patience)
	defer cancel()
	found, at, err := from.find(ctx, index, match)
	if err != nil {
		h.t.Fatalf("waiting for %s: %v\n%s", what, err, h.said())
	}
	return found, at
}

// said is what came, for a failing test's message.
func (h *Hooks) said() string {
	lines := []string{"came:"}
	for _, call := range h.calls.all() {
		lines = append(lines, "  "+call.Header.Get("X-Relay-Event-Ids")+" "+call.Body)
	}
	return strings.Join(lines, "\n")
}
