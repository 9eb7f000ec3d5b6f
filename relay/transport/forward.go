package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"time"

	"buildrelay/protocol"
)

// forward is a request that was sent on to the node that has its session.
type forward struct {
	// Static.
	peers   *Peers
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	// receives says that it is a receive request, streams that its response is a stream.
	receives, streams bool
	// patience is how long the node may say nothing before end gives it up.
	patience time.Duration
	end      context.CancelCauseFunc

	mu sync.Mutex
	// waits says that the node is waited for, and everything it said was whole.
	waits, leaving bool

	// Owned by the request's goroutine.

	headed, broken bool // the response has its head; it stands within a frame
}

// Forward answers a request by what its session's owner answers, or by 404 where the owner
// cannot be reached. body is the request's, read already. What a client that leaves, or a node
// that dies, had not taken is the session's again only as far as TCP tells.
func (p *Peers) Forward(w http.ResponseWriter, r *http.Request, owner *url.URL, body []byte) {
	if len(r.Header.Values(forwardedBy)) > 0 { // it has gone far enough
		http.NotFound(w, r)
		return
	}
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	f := &forward{peers: p, w: w, r: r, control: http.NewResponseController(w), patience: p.Answer, end: end}
	if action := r.PathValue("action"); action != "xhr_send" {
		f.receives, f.streams, f.patience = true, action == "xhr_streaming", p.Silence
		p.enter(f)
		defer p.exit(f)
	}
	f.run(p.request(ctx, r, owner, body))
}

// request is what the owner is asked.
func (p *Peers) request(ctx context.Context, r *http.Request, owner *url.URL, body []byte) *http.Request {
	target := *r.URL
	target.Scheme, target.Host, target.User = owner.Scheme, owner.Host, nil
	out := (&http.Request{Method: r.Method, URL: &target, Header: r.Header.Clone()}).WithContext(ctx)
	dropHops(out.Header)
	out.Header.Del("Expect") // the body is here
	out.Header.Set(forwardedBy, p.Cluster.SignForward(r.Method, target.RequestURI(), body, time.Now()))
	out.Body = http.NoBody
	if len(body) > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	if r.PathValue("action") != "xhr_send" {
		out.Header["Idempotency-Key"] = nil // is not sent, and says that it may be, twice
	}
	return out
}

// dropHops removes the headers that are for the next hop alone (RFC 9110, 7.6.1).
func dropHops(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range []string{
		"Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authorization", "Proxy-Authenticate",
	} {
		h.Del(name)
	}
}

var (
	errSilent  = errors.New("it says nothing")
	errLeaving = errors.New("this node is ending")
)

// run asks the owner and hands its answer on, as it comes.
func (f *forward) run(out *http.Request) {
	if !f.await() {
		f.farewell()
		return
	}
	late := f.patiently()
	response, err := f.peers.transport.RoundTrip(out)
	late.Stop()
	leaving := f.left()
	switch {
	case err == nil:
		defer response.Body.Close()
		f.head(response)
		if err := f.copy(response.Body); err != nil {
			f.broke(err)
		}
	case f.r.Context().Err() != nil: // the client has gone
	case leaving:
		f.farewell()
	default:
		f.peers.failed(out.URL.Host, err)
		f.allow()
		http.NotFound(f.w, f.r)
	}
}

// patiently gives the owner up after a while, unless the timer is stopped.
func (f *forward) patiently() *time.Timer {
	return time.AfterFunc(f.patience, func() { f.end(errSilent) })
}

// await begins a wait for the owner. It returns false where this node leaves, unless that
// would break a frame.
func (f *forward) await() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits = f.receives && !f.broken
	return !f.waits || !f.leaving
}

// left ends a wait, and says whether this node leaves.
func (f *forward) left() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits = false
	return f.leaving
}

// leave ends the wait for the owner, now or when the frame is whole.
func (f *forward) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = true
	if f.waits {
		f.end(errLeaving)
	}
}

// head begins the response as the owner's.
func (f *forward) head(response *http.Response) {
	f.headed = true
	f.peers.Metrics.SessionsForwarded.WithLabelValues("answered").Inc()
	dropHops(response.Header)
	h := f.w.Header()
	for name, values := range response.Header {
		h[name] = values
	}
	f.allow()
	f.w.WriteHeader(response.StatusCode)
	_ = f.control.Flush()
}

// copy hands on what the owner says.
func (f *forward) copy(body io.Reader) error {
	buf := make([]byte, 8<<10)
	for {
		if f.streams && !f.await() {
			f.farewell()
			return nil
		}
		late := f.patiently()
		n, err := body.Read(buf)
		late.Stop()
		f.left()
		if n > 0 {
			if err := f.write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write writes and flushes.
func (f *forward) write(p []byte) error {
	f.allow()
	if _, err := f.w.Write(p); err != nil {
		return err
	}
	f.broken = p[len(p)-1] != '\n'
	return f.control.Flush()
}

// allow allows a time for the next write.
func (f *forward) allow() { _ = f.control.SetWriteDeadline(time.Now().Add(f.peers.WriteTimeout)) }

// broke ends a response that is not whole: its client must not take it for one that is.
func (f *forward) broke(err error) {
	switch {
	case f.r.Context().Err() != nil: // the client has gone
	case errors.Is(err, errLeaving) && !f.broken:
		f.farewell()
	default:
		f.peers.Log.Debug("a response of another node broke off", "error", err)
		panic(http.ErrAbortHandler)
	}
}

// farewell asks the client to come again: a poll by its end, a stream as a node does that is
// restarted.
func (f *forward) farewell() {
	if !f.headed {
		receiveHead(f.w)
	}
	text := []byte(protocol.FallbackBeat)
	if f.streams {
		restarting := protocol.ErrRestarting()
		var q queue
		q.add(protocol.CloseFrame(restarting.Code, restarting.Reason))
		text = q.take(protocol.MaxFallback).text
	}
	_ = f.write(text) // the client may have gone
}
