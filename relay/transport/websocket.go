// Package transport brings the core's frames to clients: over WebSockets here.
package transport

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	// maxMessage is the largest message that a client may send, at the least: 10 KB of
	// data, escaped and escaped again, and more.
	maxMessage = 64 << 10
	// escaped is how many times as long data can become.
	escaped = 7
	// maxLingering is how many clients that were refused have the time to close.
	maxLingering = 1000
)

// WebSocket serves /app/{key}: it upgrades, greets, and reads from each client
// until it is gone. All fields must be set before the first request.
type WebSocket struct {
	Hub     *relay.Hub
	Apps    *auth.Apps
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// WriteTimeout is how long a client may take nothing of what is sent to it
	// before it is cut off.
	WriteTimeout time.Duration
	// Admission says who is one too many; nil says that nobody is.
	Admission *Admission

	// running waits for readers and flushers.
	running sync.WaitGroup
	// lingering are the clients that were refused and have yet to close.
	lingering gate
}

// Wait waits until no client is left. The listener must be closed first.
func (ws *WebSocket) Wait() { ws.running.Wait() }

// ServeHTTP upgrades the request. The server's connections must come from a
// [Listener]. A client is refused only after the upgrade, since browsers do not
// see a status; the reader is a goroutine of its own, since this one's stack has
// grown.
func (ws *WebSocket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := &hijacker{ResponseWriter: w}
	upgrader := websocket.Upgrader{
		ReadBufferSize:  512,
		WriteBufferPool: noBuffers{},
		CheckOrigin:     func(*http.Request) bool { return true },
	}
	conn, err := upgrader.Upgrade(h, r, subprotocol(r))
	if err != nil {
		ws.Metrics.BadHandshakes.Inc()
		return // gorilla has answered
	}
	place, app, refused := ws.admit(r)
	ws.running.Go(func() { ws.serve(newClient(conn, h.stream), place, app, refused) }) //nolint:contextcheck // the connection outlives the request
}

// admit gives the client a seat, and finds its app. What a surplus client costs ends
// here.
func (ws *WebSocket) admit(r *http.Request) (seat, *auth.App, *protocol.Close) {
	place, over := ws.Admission.enter(r)
	if over != noSurplus {
		ws.Metrics.Shed.WithLabelValues(string(over)).Inc()
		return place, nil, over.close()
	}
	app, refused := ws.findApp(r)
	return place, app, refused
}

// findApp finds the app and checks the origin and the protocol version, 4 to 7.
func (ws *WebSocket) findApp(r *http.Request) (*auth.App, *protocol.Close) {
	key := r.PathValue("key")
	app, ok := ws.Apps.ByKey(key)
	switch {
	case !ok:
		return nil, protocol.ErrUnknownKey(key)
	case app.Disabled:
		return nil, protocol.ErrAppDisabled()
	case !allows(app.Origins, r.Header["Origin"]):
		ws.Metrics.Shed.WithLabelValues("origin").Inc()
		return nil, protocol.ErrOrigin()
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, protocol.ErrInvalidVersion()
	}
	version := query.Get("protocol")
	if version == "" {
		return app, nil
	}
	switch n, err := strconv.Atoi(version); {
	case err != nil:
		return nil, protocol.ErrInvalidVersion()
	case n < 4 || n > 7:
		return nil, protocol.ErrUnsupportedProtocol()
	}
	return app, nil
}

// allows says whether all origins that a request names may connect: a browser names one.
func allows(allowed auth.Origins, named []string) bool {
	return !slices.ContainsFunc(named, func(origin string) bool { return !allowed.Allow(origin) })
}

// maxMessage is the largest message that a client of an app may send by now.
func (ws *WebSocket) maxMessage(app *auth.App) int64 {
	if now, ok := ws.Apps.ByID(app.ID); ok {
		app = now
	}
	return max(maxMessage, escaped*int64(app.Limits.Data))
}

// subprotocol selects the first protocol that the client offers and we know.
// Apple's clients fail without it, browsers fail with one they did not offer.
func subprotocol(r *http.Request) http.Header {
	for _, offered := range websocket.Subprotocols(r) {
		switch strings.TrimPrefix(offered, "pusher-channels-protocol-") {
		case "4", "5", "6", "7":
			return http.Header{"Sec-WebSocket-Protocol": {offered}}
		}
	}
	return nil
}

// noBuffers is gorilla's pool of write buffers. Nothing is written through
// gorilla but control frames and the handshake, which need none.
type noBuffers struct{}

func (noBuffers) Get() any { return nil }
func (noBuffers) Put(any)  {}
