package transport

import (
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// maxLingering is how many clients that were refused have the time to close.
const maxLingering = 1000

// WebSocket serves /app/{key}: it upgrades, greets, and reads from each client
// until it is gone.
type WebSocket struct {
	Entrance

	// running waits for upgrades, readers and flushers.
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
	ws.running.Add(1) // the server does not wait for what is upgraded
	defer ws.running.Done()
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
	who := ws.applicant(r, webSocket)
	to := entry{app, strings.Clone(r.PathValue("key"))}
	ws.running.Go(func() { ws.serve(newClient(conn, h.stream), place, to, who, refused) }) //nolint:contextcheck // the connection outlives the request
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
