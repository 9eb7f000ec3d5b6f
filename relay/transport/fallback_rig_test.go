package transport_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/clientaddr"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/server"
	"buildrelay/relay/transport"
)

// fallbackRig is a node's handler on loopback, without Redis. All channels are heard at
// once.
type fallbackRig struct {
	t         testing.TB
	hub       *relay.Hub
	apps      *auth.Apps
	fallback  *transport.Fallback
	handler   http.Handler
	admission *transport.Admission
	address   string
}

// fallbackSetup is what a test wants otherwise.
type fallbackSetup struct {
	config transport.FallbackConfig
	hub    relay.Config
	apps   []auth.App
	// wrap, if not nil, stands between the server and its connections.
	wrap func(net.Conn) net.Conn
}

// shortGrace is for tests that wait for sessions to end which nobody asks for.
const shortGrace = 300 * time.Millisecond

// newFallbackRig serves until the test ends; then nobody may be left. A session whose client
// is gone waits for it, however slow the machine, if nothing else is said.
func newFallbackRig(t testing.TB, setup fallbackSetup) *fallbackRig {
	t.Helper()
	if setup.apps == nil {
		setup.apps = []auth.App{app("ci"), app("other")}
	}
	all, err := auth.NewApps(setup.apps...)
	if err != nil {
		t.Fatal(err)
	}
	admission := transport.NewAdmission(transport.AdmissionConfig{
		Address: clientaddr.Proxies{netip.MustParsePrefix("127.0.0.0/8")}.Of, AddressConnections: 1 << 20,
	})
	wanted := make(hears, 1_000)
	setup.hub.Interest, setup.hub.Roster, setup.hub.Metrics = wanted, nobody{}, metrics.New(prometheus.NewRegistry())
	r := &fallbackRig{t: t, apps: all, admission: admission, hub: relay.New(setup.hub)}
	entrance := transport.Entrance{
		Hub: r.hub, Apps: all, Metrics: setup.hub.Metrics, Log: slog.New(slog.DiscardHandler), WriteTimeout: time.Minute,
		Admission: admission, Auditor: setup.hub.Auditor,
	}
	setup.config.Entrance = entrance
	if setup.config.Grace == 0 {
		setup.config.Grace = time.Minute
	}
	r.fallback = transport.NewFallback(setup.config)
	ws := &transport.WebSocket{Entrance: entrance}
	r.handler = server.Routes{
		WebSocket: ws, Fallback: r.fallback, SockJS: transport.SockJS{Fallback: r.fallback}, API: http.NotFoundHandler(), Ready: func() error { return nil },
	}.Handler()
	r.serve(wanted, ws, setup.wrap)
	return r
}

func (r *fallbackRig) serve(wanted hears, ws *transport.WebSocket, wrap func(net.Conn) net.Conn) {
	r.t.Helper()
	ln, err := transport.Listen(r.t.Context(), "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.address = ln.Addr().String()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	serving := &http.Server{
		Handler: r.handler, Protocols: protocols, MaxHeaderBytes: 12 << 10,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var running sync.WaitGroup
	running.Go(func() { r.hub.Run(ctx) })
	running.Go(func() { wanted.confirm(ctx, r.hub) })
	running.Go(func() { _ = serving.Serve(wrapped{ln, wrap}) })
	r.t.Cleanup(func() {
		r.hub.Drain(ctx, 0)
		_ = serving.Close()
		ws.Wait()
		r.fallback.Wait()
		stop()
		running.Wait()
		if open, addresses := r.admission.Seats(); open != 0 || addresses != 0 {
			r.t.Errorf("%d seats of %d addresses are taken in the end", open, addresses)
		}
	})
}

// wrapped puts something between a server and its connections.
type wrapped struct {
	net.Listener
	wrap func(net.Conn) net.Conn
}

func (l wrapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil && l.wrap != nil {
		conn = l.wrap(conn)
	}
	return conn, err
}

// hears is a Redis that hears what is wanted.
type hears chan [2]string

func (h hears) Watch(appID, channel string) { h <- [2]string{appID, channel} }
func (hears) Unwatch(string, string)        {}

func (h hears) confirm(ctx context.Context, hub *relay.Hub) {
	for {
		select {
		case wanted := <-h:
			hub.Confirmed(wanted[0], wanted[1])
		case <-ctx.Done():
			return
		}
	}
}

// publish brings an event to the readers of a channel. It is for one goroutine at a time.
func (r *fallbackRig) publish(channel, event, data string) {
	r.hub.Deliver("ci", protocol.Event{Channel: channel, Name: event, Data: data})
	r.hub.Flush()
}

func (r *fallbackRig) url(key string) string { return "http://" + r.address + "/pusher/app/" + key }

// dial is a client of the app ci.
func (r *fallbackRig) dial(options relaytest.XHROptions) *relaytest.XHRClient {
	r.t.Helper()
	return relaytest.DialXHR(r.t, r.url("ci"), options)
}

// connect is dial, with the handshake behind it.
func (r *fallbackRig) connect(options relaytest.XHROptions) *relaytest.XHRClient {
	r.t.Helper()
	c := r.dial(options)
	c.Established()
	return c
}

// tcp is a connection to the node; nothing on it takes longer than Patience.
func (r *fallbackRig) tcp() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(relaytest.Patience)); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// request is a request as it goes over the wire; headers are whole lines.
func request(method, path, body string, headers ...string) string {
	head := method + " " + path + " HTTP/1.1\r\nHost: relay\r\n"
	for _, header := range headers {
		head += header + "\r\n"
	}
	if body != "" {
		head += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return head + "\r\n" + body
}

// tell writes to a connection; who is not read any more may fail.
func tell(t testing.TB, conn io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Logf("writing %.50q: %v", text, err)
	}
}

// head is what an answer has before its body.
type head struct {
	Status        string
	StatusCode    int
	Header        http.Header
	ContentLength int64    // -1 where it is not told
	Encoding      []string // of the transfer
}

// headed reads the head of the next answer; what follows is read from body.
func headed(t testing.TB, from *bufio.Reader, method string) (h head, body *bufio.Reader) {
	t.Helper()
	response, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("reading an answer: %v", err)
	}
	t.Cleanup(func() { response.Body.Close() }) // when its connection is closed
	return head{response.Status, response.StatusCode, response.Header, response.ContentLength, response.TransferEncoding}, bufio.NewReader(response.Body)
}

// answered reads the next answer, with its body.
func answered(t testing.TB, from *bufio.Reader) (h head, body string) {
	t.Helper()
	h, rest := headed(t, from, "POST")
	text, err := io.ReadAll(rest)
	if err != nil {
		t.Fatalf("reading the body of an answer: %v after %q", err, text)
	}
	return h, string(text)
}

// roundTrip sends one request on a connection of its own.
func (r *fallbackRig) roundTrip(text string) (h head, body string) {
	r.t.Helper()
	conn := r.tcp()
	defer conn.Close()
	tell(r.t, conn, text)
	return answered(r.t, bufio.NewReader(conn))
}

// awaitSessions waits until there are so many sessions, each with its seat.
func (r *fallbackRig) awaitSessions(want int) {
	r.t.Helper()
	r.await("sessions", func() bool {
		open, _ := r.admission.Seats()
		return open == want && r.fallback.Sessions() == want
	})
}

// awaitReceiving waits until so many sessions have a receive request.
func (r *fallbackRig) awaitReceiving(want int) {
	r.t.Helper()
	r.await("receive requests", func() bool { return r.fallback.Receiving() == want })
}

func (r *fallbackRig) await(what string, done func() bool) {
	r.t.Helper()
	deadline := time.NewTimer(relaytest.Patience)
	defer deadline.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-deadline.C:
			open, _ := r.admission.Seats()
			r.t.Fatalf("waited in vain for %s: %d seats are taken, there are %d sessions, %d receive",
				what, open, r.fallback.Sessions(), r.fallback.Receiving())
		}
	}
}

// expectShared fails the test if pages of this origin may not read the answer.
func expectShared(t testing.TB, header http.Header, origin string) {
	t.Helper()
	want := origin
	if origin == "" {
		want = "*"
	}
	if got := header.Get("Access-Control-Allow-Origin"); got != want || !strings.Contains(strings.Join(header["Vary"], ","), "Origin") {
		t.Errorf("Access-Control-Allow-Origin is %q, want %q; Vary is %q", got, want, header["Vary"])
	}
}
