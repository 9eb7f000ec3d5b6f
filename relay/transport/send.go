package transport

import (
	"context"
	"net/http"
	"net/url"
	"unicode/utf8"

	"buildrelay/protocol"
)

// send serves xhr_send: messages from the client (protocol.md 6.1, 6.2). Clients do not
// look at the answer, so that what is lost here ends the session.
func (f *Fallback) send(w http.ResponseWriter, r *http.Request) {
	s := f.find(sessionName(r))
	switch {
	case s == nil && f.Owners == nil:
		f.unknown(w, r)
	case s == nil:
		f.sendOn(w, r)
	case checkOrigin(s, r) != nil:
		http.Error(w, protocol.ErrOrigin().Reason, http.StatusForbidden)
	case !s.sends.enter(maxSends):
		s.close(protocol.ErrOverCapacity("too many requests at once"))
		http.Error(w, "too many requests at once", http.StatusTooManyRequests)
	default:
		defer s.sends.leave()
		f.sendTo(s, w, r) //nolint:contextcheck // what is received outlives the request
	}
}

// sendTo gives a session the messages in a request's body.
func (f *Fallback) sendTo(s *session, w http.ResponseWriter, r *http.Request) {
	limit := s.largest()
	body, failed := readBody(w, r, maxSend(limit))
	if failed != nil {
		s.close(failed)
		return
	}
	messages, err := protocol.ParseFallbackMessages(body)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !s.receive(messages, limit, r):
		f.unknown(w, r)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// sendOn sends a request to the node that has the session, if there is one.
func (f *Fallback) sendOn(w http.ResponseWriter, r *http.Request) {
	limit := int64(maxMessage)
	if app, ok := f.Apps.ByKey(r.PathValue("key")); ok {
		limit = largest(app)
	}
	body, failed := readBody(w, r, maxSend(limit))
	if failed != nil {
		w, r, body = unheard{}, r.WithContext(context.WithoutCancel(r.Context())), []byte(unreadable)
	}
	var owner *url.URL
	if !f.forwarded(r, body) {
		owner, _ = f.Owners.Owner(r.Context(), sessionName(r)) // without Redis nobody has it
	}
	if owner == nil {
		f.unknown(w, r)
		return
	}
	f.Peers.Forward(w, r, owner, body)
}

// unreadable is sent on in place of what could not be read: no client may send it, so that it
// ends the session, as the message that was lost does at the session's node.
const unreadable = "[\"\xff\"]"

// unheard takes an answer where the client has had one.
type unheard struct{}

func (unheard) Header() http.Header         { return make(http.Header) }
func (unheard) WriteHeader(int)             {}
func (unheard) Write(p []byte) (int, error) { return len(p), nil }
func (unheard) Flush()                      {}

// forwarded says whether a node of the cluster has sent the request on, or somebody claims
// to be one: such a request goes no further.
func (f *Fallback) forwarded(r *http.Request, body []byte) bool {
	yes, err := f.Peers.Forwarded(r, body)
	return yes || err != nil
}

// unknown answers what belongs to no session.
func (f *Fallback) unknown(w http.ResponseWriter, r *http.Request) {
	f.Metrics.SessionsUnknown.Inc()
	http.NotFound(w, r)
}

// maxSend is how long a body may be: a message whose every other byte is escaped, and the
// array around it.
func maxSend(message int64) int64 { return 2*message + 1<<10 }

// largest is the size of the largest message that the client may send.
func (s *session) largest() int64 {
	if conn := s.conn.Load(); conn != nil {
		return largest(conn.App())
	}
	return maxMessage
}

// receive hands on what the client sent, in the order in which requests came. It returns
// false if the client does not know of the session, or the session has ended.
func (s *session) receive(messages []string, limit int64, r *http.Request) bool {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if !s.takesSends() {
		return false
	}
	s.seen()
	if len(messages) == 0 {
		s.answer()
	}
	for _, m := range messages {
		if !s.takesSends() {
			break // the one before ended the session, and the client is told so
		}
		conn := s.conn.Load()
		switch {
		case conn == nil:
			s.knock(m, r)
		case int64(len(m)) > limit:
			conn.Close(protocol.ErrMessageTooBig())
		case !utf8.ValidString(m):
			conn.Close(protocol.ErrInvalidUTF8())
		default:
			conn.Receive([]byte(m))
		}
	}
	return true
}

// close ends the session from the relay's side.
func (s *session) close(why *protocol.Close) {
	if conn := s.conn.Load(); conn != nil {
		conn.Close(why)
	} else {
		s.refuse(why)
	}
}
