// Package transport brings the core's frames to clients: over WebSockets here.
package transport

import (
	"log/slog"
	"net/http"
	"net/url"
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

// maxMessage is the largest message a client may send: 10 KB of data, escaped
// and escaped again, and more.
const maxMessage = 64 << 10

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

	// running waits for readers and flushers.
	running sync.WaitGroup
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
		return // gorilla has answered
	}
	app, refused := ws.admit(r)
	ws.running.Go(func() { ws.serve(newClient(conn, h.stream), app, refused) }) //nolint:contextcheck // the connection outlives the request
}

// admit finds the app and checks the protocol version, 4 to 7.
func (ws *WebSocket) admit(r *http.Request) (*auth.App, *protocol.Close) {
	key := r.PathValue("key")
	app, ok := ws.Apps.ByKey(key)
	switch {
	case !ok:
		return nil, protocol.ErrUnknownKey(key)
	case app.Disabled:
		return nil, protocol.ErrAppDisabled()
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
