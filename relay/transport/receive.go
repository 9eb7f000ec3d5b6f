package transport

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"buildrelay/protocol"
)

const (
	// maxReceiveBody is more than any client sends to receive something.
	maxReceiveBody = 1 << 10
	streaming      = "streaming"
	polling        = "polling"
)

// stream serves xhr_streaming: a response that is written to for as long as clients take
// it (protocol.md 6.4).
func (f *Fallback) stream(w http.ResponseWriter, r *http.Request) { f.receive(w, r, streaming) }

// poll serves xhr: a response that waits for something to say (protocol.md 6.5).
func (f *Fallback) poll(w http.ResponseWriter, r *http.Request) { f.receive(w, r, polling) }

func (f *Fallback) receive(w http.ResponseWriter, r *http.Request, transport string) {
	body, failed := readBody(w, r, maxReceiveBody)
	if failed != nil {
		return
	}
	s, owner, refused := f.sessionOf(r, transport, body)
	switch {
	case owner != nil:
		f.Peers.Forward(w, r, owner, body)
	case refused != nil:
		if f.Admission.lack() == fewDescriptors {
			w.Header().Set("Connection", "close") // the client keeps one open otherwise
		}
		receiveHead(w)
		refuseSession(w, refused, transport)
	case s == nil:
		f.unknown(w, r)
	default:
		receiveFrom(s, w, r, transport)
	}
}

// sessionOf finds the session or opens it. It returns the node that has it, if that is
// another, or why there is none; nothing at all if a node of the cluster wrongly thinks that
// it is here.
func (f *Fallback) sessionOf(r *http.Request, transport string, body []byte) (*session, *url.URL, *protocol.Close) {
	name := sessionName(r)
	if s := f.find(name); s != nil {
		return s, nil, checkOrigin(s, r)
	}
	if f.Owners != nil {
		if f.forwarded(r, body) {
			return nil, nil, nil
		}
		if owner, refused := f.claim(r, name, transport); owner != nil || refused != nil {
			return nil, owner, refused
		}
	}
	s, refused := f.open(r, transport)
	if refused != nil && f.Owners != nil {
		f.Owners.Release(name)
	}
	return s, nil, refused
}

// claim claims a session, where its client may have one: Redis is not asked for others. It
// returns the node that has it already.
func (f *Fallback) claim(r *http.Request, name, transport string) (*url.URL, *protocol.Close) {
	if !isSockJS(r) {
		if _, refused := f.findApp(r.PathValue("key"), r.URL.RawQuery, origins(r)); refused != nil {
			f.refused(refused, f.wants(r, transport))
			return nil, refused
		}
	}
	owner, _ := f.Owners.Claim(r.Context(), name) // without Redis it is this node's
	return owner, nil
}

// checkOrigin is for a session that was opened before, perhaps by a page of another origin.
func checkOrigin(s *session, r *http.Request) *protocol.Close {
	if conn := s.conn.Load(); conn != nil && !allows(conn.App().Origins, origins(r)) {
		return protocol.ErrOrigin()
	}
	return nil
}

// receiveFrom answers a receive request by what the session has to say.
func receiveFrom(s *session, w http.ResponseWriter, r *http.Request, transport string) {
	s.seen()
	out := newReceiver(s, w)
	defer out.silence.Stop()
	if !s.attach(out) {
		http.NotFound(w, r)
		return
	}
	receiveHead(w)
	if transport == streaming {
		// Without chunks the end of a frame is the last that is written of it: where that
		// fails, the client cannot have the frame. The connection ends with the response.
		w.Header().Set("Transfer-Encoding", "identity")
	}
	switch {
	case transport == streaming && isSockJS(r):
		out.streamSockJS(r.Context())
	case transport == streaming:
		out.stream(r.Context())
	default:
		out.poll(r.Context())
	}
	s.detach(out)
	_ = out.control.SetWriteDeadline(time.Now().Add(s.fallback.WriteTimeout)) // for the end, which net/http writes
	if s.spent() {
		s.end()
	}
}

// receiveHead sets the head of a response that may take as long as it likes. Each write to it
// has its own limit of time.
func receiveHead(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/javascript; charset=UTF-8")
	h.Set("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")
	h.Set("X-Accel-Buffering", "no") // of nginx
}

// refuseSession tells the client why there is no session. It understands that only once it
// believes that there is one.
func refuseSession(w http.ResponseWriter, why *protocol.Close, transport string) {
	var q queue
	q.push([]byte(protocol.FallbackOpen))
	q.add(why.Farewell())
	if transport == streaming {
		_, _ = io.WriteString(w, prelude) // who asked may have gone
	}
	_, _ = w.Write(q.take(protocol.MaxFallback).text)
}

// readBody reads a request's body of at most so many bytes. Where it cannot it answers the
// request, and returns why a session that needs the body ends.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *protocol.Close) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		return body, nil
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		http.Error(w, "Payload too large.", http.StatusRequestEntityTooLarge)
		return nil, protocol.ErrMessageTooBig()
	}
	http.Error(w, "Payload incomplete.", http.StatusBadRequest)
	return nil, protocol.ErrMessageLost()
}
