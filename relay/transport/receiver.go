package transport

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"buildrelay/protocol"
)

// prelude begins a streaming response.
var prelude = strings.Repeat("h", 2048) + "\n" //nolint:gochecknoglobals // a constant that Go cannot write down

// receiver is a receive request: a response that takes a session's frames. Its methods
// that are called under the session's mutex take a nil receiver for none.
type receiver struct {
	// Static.
	session *session
	w       http.ResponseWriter
	control *http.ResponseController
	wake    chan struct{} // holds one signal: the session has something to write, or ended
	done    chan struct{} // closed when nothing more is written

	// writing says that a write is under way. Guarded by the session's mutex.
	writing bool

	// Owned by the request's goroutine.

	units   int // UTF-16 code units written
	silence *time.Timer
}

func newReceiver(s *session, w http.ResponseWriter) *receiver {
	return &receiver{
		session: s, w: w, control: http.NewResponseController(w),
		wake: make(chan struct{}, 1), done: make(chan struct{}), silence: time.NewTimer(s.fallback.Heartbeat),
	}
}

func (r *receiver) rouse() {
	if r == nil {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// replace ends the response for the sake of a newer one. What it is about to write fails,
// unless the client takes it at once.
func (r *receiver) replace() {
	if r == nil {
		return
	}
	if r.writing {
		_ = r.control.SetWriteDeadline(time.Unix(1, 0))
	}
	r.rouse()
}

// begin allows a time for the next write. The caller holds the session's mutex, so that a
// newer request can take it back.
func (r *receiver) begin(limit time.Duration) {
	r.writing = true
	_ = r.control.SetWriteDeadline(time.Now().Add(limit))
}

// next waits for what is to be written next, of at most so many units. It returns false
// when the response is to end.
func (r *receiver) next(ctx context.Context, units int) (frame, bool) {
	r.silence.Reset(r.session.fallback.Heartbeat)
	for {
		if ctx.Err() != nil {
			return frame{}, false // what the client has left takes nothing
		}
		f, ok, over := r.session.take(r, units)
		if ok || over {
			return f, ok
		}
		select {
		case <-r.wake:
		case <-r.silence.C:
			r.session.beat()
		case <-ctx.Done():
		}
	}
}

// write writes a frame. Where that fails the client does not have the end of it.
func (r *receiver) write(f frame) bool {
	err := r.put(f.text)
	r.units += f.units
	r.session.written(r, f, err)
	return err == nil
}

func (r *receiver) put(text []byte) error {
	if _, err := r.w.Write(text); err != nil {
		return err
	}
	return r.control.Flush()
}

// poll writes what there is, or what comes first.
func (r *receiver) poll(ctx context.Context) {
	if f, ok := r.next(ctx, protocol.MaxFallback); ok {
		r.w.Header().Set("Content-Length", strconv.Itoa(len(f.text)))
		r.write(f)
	}
}

// stream writes frames for as long as the client may take them from this response.
func (r *receiver) stream(ctx context.Context) {
	if r.fill(ctx, protocol.MaxFallback, func(frame) bool { return false }) {
		r.session.fallback.Metrics.SessionRotations.Inc()
		r.rest(ctx)
	}
}

// fill writes frames until the response has more than so many units, which it says, or the
// last one was written, or there are no more.
func (r *receiver) fill(ctx context.Context, units int, last func(frame) bool) bool {
	if !r.prelude() {
		return false
	}
	for r.units <= units {
		f, ok := r.next(ctx, 0)
		if !ok || !r.write(f) || last(f) {
			return false
		}
	}
	return true
}

// prelude writes what makes browsers show a response as it comes.
func (r *receiver) prelude() bool {
	if !r.session.begin(r) {
		return false
	}
	defer r.session.pause(r)
	r.units = len(prelude)
	return r.put([]byte(prelude)) == nil
}

// rest leaves the response as it is, until the client asks for the next: it may not have
// seen all by now, and takes an end for a failure. The core gives up one that never asks.
func (r *receiver) rest(ctx context.Context) {
	for !r.session.left(r) {
		select {
		case <-r.wake:
		case <-ctx.Done():
			return
		}
	}
}
