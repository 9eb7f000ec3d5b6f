package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"buildrelay/protocol"
)

const (
	// knockTime is how long a client of SockJS has to say to which app it wants.
	knockTime = 15 * time.Second
	// maxSockJS is the length, in UTF-16 code units, above which a response to it ends.
	maxSockJS = 128 << 10
)

// SockJS serves pusher-js before 2.2, which speaks real SockJS where WebSockets are blocked
// (protocol.md 6.8). Its sessions are those of the Fallback, but for this: no key is in
// their URLs, but in the first message; and the client does not leave a long response by
// itself, but asks again whenever one ends.
type SockJS struct{ *Fallback }

// ServeHTTP serves a path with the values "server", "session" and "action".
func (j SockJS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const digits, word = "0123456789", "abcdefghijklmnopqrstuvwxyz0123456789_"
	server, id := r.PathValue("server"), r.PathValue("session")
	j.serve(w, r, len(server) == 3 && strings.Trim(server, digits) == "" && len(id) == 8 && strings.Trim(id, word) == "")
}

// Info serves /pusher/info, by which the client asks what there is.
func (SockJS) Info(w http.ResponseWriter, r *http.Request) {
	allowOrigin(w, r)
	if r.Method == http.MethodOptions {
		preflight(w, r, "OPTIONS, GET")
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprintf(w, `{"websocket":false,"cookie_needed":false,"origins":["*:*"],"entropy":%d,"server_heartbeat_interval":%d}`,
		rand.Uint32(), Heartbeat.Milliseconds())
}

// isSockJS says whether a request is for a session of SockJS: its path has no key.
func isSockJS(r *http.Request) bool { return r.PathValue("key") == "" }

// hurry ends a session whose client has not said to which app it wants.
func (s *session) hurry() {
	if s.conn.Load() == nil {
		s.end()
	}
}

// knock takes the first message, {"path":"/app/KEY?…"}. The caller has the session's turn.
func (s *session) knock(message string, r *http.Request) {
	refused, who := protocol.ErrPathNotFound(), s.who
	if key, parameters, ok := parseKnock(message); ok {
		who = who.asks(key, parameters)
		refused = s.connect(r, key, parameters, who)
	}
	if refused != nil {
		s.fallback.refused(refused, who)
		s.refuse(refused)
	}
}

func parseKnock(message string) (key, parameters string, ok bool) {
	var first struct{ Path string }
	if json.Unmarshal([]byte(message), &first) != nil {
		return "", "", false
	}
	path, err := url.Parse(first.Path)
	if err != nil {
		return "", "", false
	}
	key, ok = strings.CutPrefix(path.Path, "/app/")
	return key, path.RawQuery, ok
}

// refuse tells a client that has no connection why, and ends the session.
func (s *session) refuse(why *protocol.Close) {
	s.Send(why.Farewell())
	s.Drop()
}

// streamSockJS writes frames to a response that ends when it is long, and with a heartbeat:
// not every client answers that, but all ask again.
func (r *receiver) streamSockJS(ctx context.Context) { r.fill(ctx, maxSockJS, frame.isBeat) }
