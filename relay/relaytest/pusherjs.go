package relaytest

import (
	"encoding/json"
	"maps"
	"net"
	"strconv"
	"testing"
	"time"
)

// PusherJS is a running pusher-js; clients/pusher.mjs has the details.
type PusherJS struct {
	t       testing.TB
	process *child
	next    int // index in the process's output of what has not been expected yet
	// patience is how long something expected may take.
	patience time.Duration
}

// Said is what pusher-js told its application.
type Said struct {
	// Type is "state", "error", "message" (each that came in, parsed), "event" (given
	// to bind_global of a channel), "bound" (given to a callback of Bind), "user" and
	// "watchlist" (given to bind_global of theirs), "echo" (given to laravel-echo's here,
	// joining or leaving), "members", "triggered", "told" (by resume), "dialed" or "crash".
	Type string `json:"type"`
	// Previous and Current are connection states; SocketID and Transport are set when
	// connected.
	Previous  string `json:"previous"`
	Current   string `json:"current"`
	SocketID  string `json:"socket_id"`
	Transport string `json:"transport"`
	// Address is what was dialed for the first time, as host:port.
	Address string `json:"address"`
	// Code, nil if there is none, and Message are those of an error or crash.
	Code    *int   `json:"code"`
	Message string `json:"message"`
	// Event, Channel, Data and UserID are an event's; Data is what the application
	// gets, as JSON: parsed, where the wire had a string that holds JSON.
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
	UserID  string          `json:"user_id"`
	// Sent is what trigger returned.
	Sent bool `json:"sent"`
	// Told is what resume told: "gap", "reset", "stale", "fresh" or "complete". Log is
	// what it knows.
	Told string     `json:"told"`
	Log  ResumedLog `json:"log"`
}

// ResumedLog is what resume knows of a channel's log; web/resume says what it means.
type ResumedLog struct {
	Channel, Position, State string
	Gaps                     []ResumedGap
	Missing                  *int64
	Final                    *struct {
		Entries      int64
		Lines, Bytes *int64
		Digest       string
	}
	Complete   bool
	Incomplete string
	Sealed     bool
}

// ResumedGap is a gap that was told.
type ResumedGap struct {
	Reason, From string
	ResumeAt     *string
	Missing      *int64
	Reset        bool
}

// PusherJSOptions says how a PusherJS is made. The zero value is an ordinary client
// of the fixture's app.
type PusherJSOptions struct {
	// Key replaces the app's key.
	Key string
	// Build is "node" or "web"; "" is "node". Versions before 3.1 have only "web".
	Build string
	// AuthEndpoint replaces the endpoint that signs with the fixture's secret.
	AuthEndpoint string
	// Transports names the transports that are enabled; nil is ws and wss, and
	// [AllTransports] what pusher-js has.
	Transports []string
	// SockJS is the transport of SockJS, "xhr-streaming" or "xhr-polling", by which the
	// transport "sockjs" of the web build goes, as in versions before 2.2.
	SockJS string
	// Via is the address of a proxy in front of the relay, as host:port.
	Via string
	// Constructor holds more options for new Pusher(key, options).
	Constructor map[string]any
	// Terse leaves "message" out.
	Terse bool
	// Patience replaces [Patience], for what takes long.
	Patience time.Duration
	// Resume, if not nil, has it resumed with these options.
	Resume map[string]any
	// Echo is the version of laravel-echo by which channels are subscribed to, "" for none.
	Echo string
	// MasterKey is the SDK's master key for encrypted channels, in base64.
	MasterKey string
	// Member is the channel data of presence channels, as JSON. Empty is user 1, or,
	// where there is a User, none: who signed in is who joins.
	Member string
	// User is the user data that Signin signs in with, as JSON; without it the endpoint
	// refuses.
	User string
}

// AllTransports leaves it to pusher-js to choose.
func AllTransports() []string { return []string{} }

// StartPusherJS starts a version of pusher-js for r and connects it. It does not
// wait for the connection: use ExpectState.
func StartPusherJS(t testing.TB, version string, r *Relay, o PusherJSOptions) *PusherJS {
	t.Helper()
	p := &PusherJS{t: t, process: startNode(t, "pusher.mjs", version, o.encode(t, r), r.Certs), patience: Patience}
	if o.Patience > 0 {
		p.patience = o.Patience
	}
	p.Connect()
	return p
}

// encode is what pusher.mjs is given.
func (o PusherJSOptions) encode(t testing.TB, r *Relay) map[string]any {
	t.Helper()
	options := r.target(t)
	maps.Copy(options, map[string]any{
		"build":  o.Build,
		"pusher": o.Constructor,
		"resume": o.Resume,
		"terse":  o.Terse,
	})
	if o.Build == "" {
		options["build"] = "node"
	}
	if o.Via != "" {
		o.goVia(t, options)
	}
	switch {
	case o.Transports == nil:
	case len(o.Transports) == 0:
		options["transports"] = nil
	default:
		options["transports"] = o.Transports
	}
	o.encodeUser(options)
	for name, value := range map[string]string{"key": o.Key, "sockjs": o.SockJS, "echo": o.Echo, "masterKey": o.MasterKey} {
		if value != "" {
			options[name] = value
		}
	}
	if o.AuthEndpoint != "" {
		options["authEndpoint"] = o.AuthEndpoint
		delete(options, "secret")
	}
	return options
}

func (o PusherJSOptions) goVia(t testing.TB, options map[string]any) {
	t.Helper()
	host, port, err := net.SplitHostPort(o.Via)
	if err != nil {
		t.Fatalf("the proxy's address: %v", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatalf("the proxy's port: %v", err)
	}
	options["host"], options["port"] = host, number
}

func (o PusherJSOptions) encodeUser(options map[string]any) {
	switch {
	case o.Member != "":
		options["member"] = json.RawMessage(o.Member)
	case o.User == "":
		options["member"] = json.RawMessage(`{"user_id":"1","user_info":{}}`)
	}
	if o.User != "" {
		options["user"] = json.RawMessage(o.User)
	}
}

// Connect calls connect().
func (p *PusherJS) Connect() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "connect"})
}

// Disconnect calls disconnect().
func (p *PusherJS) Disconnect() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "disconnect"})
}

// Cut cuts its TCP connections to the relay, without a word.
func (p *PusherJS) Cut() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "cut"})
}

// Offline tells a web build what a browser tells a page that loses its network, which
// is for the test to do, or to pretend.
func (p *PusherJS) Offline() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "offline"})
}

// Online tells a web build that the network is back.
func (p *PusherJS) Online() {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "online"})
}

// Subscribe calls subscribe(channel) and reports what is bound to all its events.
func (p *PusherJS) Subscribe(channel string) {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "subscribe", "channel": channel})
}

// Unsubscribe calls unsubscribe(channel).
func (p *PusherJS) Unsubscribe(channel string) {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "unsubscribe", "channel": channel})
}

// Bind calls bind(event) on a subscribed channel, or on the client if it is "".
func (p *PusherJS) Bind(channel, event string) {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "bind", "channel": channel, "event": event})
}

// Trigger triggers a client event.
func (p *PusherJS) Trigger(channel, event string, data any) {
	p.t.Helper()
	p.process.tell(p.t, map[string]any{"do": "trigger", "channel": channel, "event": event, "data": data})
}

// Send calls send_event: any event, on any channel ("" is none).
func (p *PusherJS) Send(channel, event string, data any) {
	p.t.Helper()
	command := map[string]any{"do": "send", "event": event, "data": data}
	if channel != "" {
		command["channel"] = channel
	}
	p.process.tell(p.t, command)
}

// Expect waits for the first thing said, after what was expected before, for which
// match is true; what lies between is passed over.
func (p *PusherJS) Expect(what string, match func(Said) bool) Said {
	p.t.Helper()
	line, at := p.process.expectSoon(p.t, p.process.stdout, p.patience, what, p.next, func(line string) bool {
		said := parseSaid(line)
		return match(said) || said.Type == "crash"
	})
	said := parseSaid(line)
	if !match(said) {
		p.t.Fatalf("%s crashed: %s", p.process.name, said.Message)
	}
	p.next = at + 1
	return said
}

// ExpectState waits until the connection enters a state.
func (p *PusherJS) ExpectState(state string) Said {
	p.t.Helper()
	return p.Expect("the state "+state, func(s Said) bool { return s.Type == "state" && s.Current == state })
}

// ExpectEvent waits until bind_global of a channel gets the event.
func (p *PusherJS) ExpectEvent(channel, event string) Said {
	p.t.Helper()
	return p.Expect("the event "+event+" on "+channel, func(s Said) bool {
		return s.Type == "event" && s.Event == event && s.Channel == channel
	})
}

// ExpectSubscribed waits until the subscription succeeded.
func (p *PusherJS) ExpectSubscribed(channel string) Said {
	p.t.Helper()
	return p.ExpectEvent(channel, "pusher:subscription_succeeded")
}

// ExpectTold waits until resume told something.
func (p *PusherJS) ExpectTold(what string) ResumedLog {
	p.t.Helper()
	return p.Expect("resume's "+what, func(s Said) bool { return s.Type == "told" && s.Told == what }).Log
}

// ExpectError waits for an error of the connection.
func (p *PusherJS) ExpectError() Said {
	p.t.Helper()
	return p.Expect("an error", func(s Said) bool { return s.Type == "error" })
}

// Said is everything said so far.
func (p *PusherJS) Said() []Said {
	var all []Said
	for _, line := range p.process.stdout.all() {
		all = append(all, parseSaid(line))
	}
	return all
}

// States are the states that the connection went through so far.
func (p *PusherJS) States() []string {
	var states []string
	for _, said := range p.Said() {
		if said.Type == "state" {
			states = append(states, said.Current)
		}
	}
	return states
}

// Dialed are the addresses that it connected to, or tried to, so far.
func (p *PusherJS) Dialed() []string {
	var addresses []string
	for _, said := range p.Said() {
		if said.Type == "dialed" {
			addresses = append(addresses, said.Address)
		}
	}
	return addresses
}

// parseSaid reads a line; one that is no JSON, such as a warning of Node's, is
// nothing said.
func parseSaid(line string) Said {
	var said Said
	if json.Unmarshal([]byte(line), &said) != nil {
		return Said{}
	}
	return said
}
