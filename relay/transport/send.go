package transport

import (
	"net/http"
	"net/url"
	"unicode/utf8"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// send serves xhr_send: messages from the client (protocol.md 6.1, 6.2). Clients do not
// look at the answer, so that what is lost here ends the session.
func (f *Fallback) send(w http.ResponseWriter, r *http.Request) {
	app, known := f.Apps.ByKey(r.PathValue("key"))
	s := f.find(sessionName(r))
	switch {
	case !known || s == nil && f.Owners == nil:
		f.unknown(w, r)
	case !allows(app.Origins, r.Header["Origin"]):
		http.Error(w, protocol.ErrOrigin().Reason, http.StatusForbidden)
	case s == nil:
		f.sendOn(w, r, app)
	case !s.sends.enter(maxSends):
		s.conn.Close(protocol.ErrOverCapacity("too many requests at once"))
		http.Error(w, "too many requests at once", http.StatusTooManyRequests)
	default:
		defer s.sends.leave()
		f.sendTo(s, w, r, app) //nolint:contextcheck // what is received outlives the request
	}
}

// sendTo gives a session the messages in a request's body.
func (f *Fallback) sendTo(s *session, w http.ResponseWriter, r *http.Request, app *auth.App) {
	limit := f.maxMessage(app)
	body, ok := readBody(w, r, maxSend(limit))
	if !ok {
		s.conn.Close(protocol.ErrMessageTooBig())
		return
	}
	messages, err := protocol.ParseFallbackMessages(body)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !s.receive(messages, limit):
		f.unknown(w, r)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// sendOn sends a request to the node that has the session, if there is one.
func (f *Fallback) sendOn(w http.ResponseWriter, r *http.Request, app *auth.App) {
	body, ok := readBody(w, r, maxSend(f.maxMessage(app)))
	if !ok {
		return
	}
	var owner *url.URL
	if !f.forwarded(r, body) {
		owner, _ = f.Owners.Owner(r.Context(), sessionName(r)) // without Redis nobody has it
	}
	if owner == nil {
		f.unknown(w, r)
		return
	}
	f.Forwarder.Forward(w, r, owner, body)
}

// forwarded says whether a node of the cluster has sent the request on, or somebody claims
// to be one: such a request goes no further.
func (f *Fallback) forwarded(r *http.Request, body []byte) bool {
	yes, err := f.Forwarder.Forwarded(r, body)
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

// receive hands on what the client sent, in the order in which requests came. It returns
// false if the client does not know of the session, or the session has ended.
func (s *session) receive(messages []string, limit int64) bool {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if !s.takesSends() {
		return false
	}
	s.conn.Seen()
	if len(messages) == 0 {
		s.answer()
	}
	for _, m := range messages {
		switch {
		case int64(len(m)) > limit:
			s.conn.Close(protocol.ErrMessageTooBig())
		case !utf8.ValidString(m):
			s.conn.Close(protocol.ErrInvalidUTF8())
		default:
			s.conn.Receive([]byte(m))
		}
	}
	return true
}
