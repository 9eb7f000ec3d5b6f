package faults

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
)

// isPassing says that the error is told by a relay that stops, or has too much to do: one
// comes back later.
func isPassing(f frame) bool {
	return strings.Contains(string(f.Data), `"code":4200`) || strings.Contains(string(f.Data), `"code":4100`)
}

// reader is a client with one page for each of its channels.
type reader struct {
	Reader
	urls     []string    // of relays; it takes another one each time
	balancer *balancer   // chooses instead, nil without one
	tls      *tls.Config // for TLS
	dice     dice
	wire     *wire
	texts    *texts

	mu     sync.Mutex
	pages  map[string]*page
	failed []string // what the relay should not have said
}

// page is what a reader knows of a channel.
type page struct {
	view checker.View
	// at is the newest position that came, if one did: what a client resumes from.
	at     protocol.Position
	placed bool
	// start is what was asked for last, at asked, and granted when it was.
	start          protocol.Start
	asked, granted time.Time
}

func newReader(kind Reader, d dice) *reader {
	r := &reader{Reader: kind, dice: d, wire: newWire(kind.Slow), pages: make(map[string]*page)}
	for _, channel := range kind.Channels {
		r.pages[channel] = &page{view: checker.View{Reader: kind.Name, Channel: channel, Slow: kind.Slow > 0}}
	}
	return r
}

// run reads until ctx ends, through as many connections as it takes.
func (r *reader) run(ctx context.Context) {
	if r.balancer != nil {
		pause(r.dice.between(0, 3*time.Second), ctx.Done())
	}
	for i := 0; ctx.Err() == nil; i++ {
		own, err := r.session(ctx, r.urls[i%len(r.urls)])
		after := r.dice.between(20*time.Millisecond, 200*time.Millisecond)
		if r.balancer != nil && !own {
			after = r.comeback(err)
		}
		pause(after, ctx.Done())
	}
}

// comeback is when it comes again.
func (r *reader) comeback(err error) time.Duration {
	after, never := comeback(err)
	if never {
		r.fail("%s was told to stay away: %v", r.Name, err)
	}
	return after
}

func (r *reader) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

// connect makes a connection. A node that nobody listens on is left for the next one, as a
// balancer does.
func (r *reader) connect(ctx context.Context, url string) (connection, error) {
	most := 5 * time.Second
	if r.Slow > 0 {
		most = silence
	}
	impatient := time.AfterFunc(most, r.wire.reset)
	defer impatient.Stop()
	if r.balancer == nil {
		return dial(ctx, url, r.tls, r.wire)
	}
	var c connection
	var err error
	for range r.balancer.nodes {
		n := r.balancer.choose()
		switch r.Over {
		case WebSocket:
			c, err = dial(ctx, n.socket, r.tls, r.wire)
		case Streaming, Polling:
			c, err = dialXHR(ctx, n.fallback, r.tls, r.wire, r.Over == Polling)
		}
		if err == nil || !refused(err) {
			break
		}
	}
	return c, err
}

// session is the life of one connection. It says whether the reader itself ended it.
func (r *reader) session(ctx context.Context, url string) (own bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var left atomic.Bool
	if r.Every > 0 {
		away := time.AfterFunc(r.dice.between(r.Every/4, r.Every), func() {
			if !r.wire.hurry.Load() {
				left.Store(true)
				cancel()
			}
		})
		defer away.Stop()
	}
	c, err := r.connect(ctx, url)
	if err != nil {
		return left.Load(), err // the relay is down
	}
	defer c.close()
	defer func() { r.cut(left.Load()) }()
	for channel := range r.pages {
		if err := c.send(r.subscription(c.id(), channel)); err != nil {
			return left.Load(), err
		}
	}
	for {
		f, err := c.next()
		if err != nil {
			return left.Load(), err
		}
		r.take(f)
	}
}

// subscription is the message that subscribes to the channel.
func (r *reader) subscription(socketID, channel string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pages[channel]
	p.asked = time.Now()
	data := map[string]any{
		"channel": channel,
		"auth":    auth.SignChannel(auth.Key{Key: relaytest.Key, Secret: relaytest.Secret}, socketID, channel, nil),
	}
	switch {
	case !r.Resumes:
		p.start = replayOf(channel)
	case p.placed:
		p.start = protocol.Start{Kind: protocol.StartSince, Since: p.at}
		data["since"] = p.at.String()
	case r.Rewind > 0:
		p.start = protocol.Start{Kind: protocol.StartCount, N: r.Rewind}
		data["rewind"] = map[string]any{"count": r.Rewind}
	default:
		p.start = protocol.Start{Kind: protocol.StartFirst}
		data["rewind"] = map[string]any{"from": "start"}
	}
	message, _ := json.Marshal(map[string]any{"event": "pusher:subscribe", "data": data}) // strings and numbers
	return string(message)
}

// take shows a frame on its page.
func (r *reader) take(f frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pages[f.Channel]
	if p == nil {
		if f.Event == "pusher:error" && !isPassing(f) {
			r.failed = append(r.failed, fmt.Sprintf("%s was told %s", r.Name, f.Data))
		}
		return
	}
	s := f.sight()
	s.Time = time.Now()
	s.Data, s.At.Epoch = r.texts.one(s.Data), r.texts.one(s.At.Epoch)
	if s.Kind == checker.Subscribed {
		s.Start, s.Asked, p.granted = p.start, p.asked, s.Time
	}
	if f.Relay != "" {
		p.at, p.placed = s.At, true
	}
	p.view.Sights = append(p.view.Sights, s)
}

// cut notes on all pages that the connection ended, and whether the reader did that.
func (r *reader) cut(own bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pages {
		p.view.Sights = append(p.view.Sights, checker.Sight{Kind: checker.Cut, Time: time.Now(), Own: own})
	}
}

// hasRead says whether the page of the channel has come to the end of the log, which
// was written at a time: a page that begins later with what comes has nothing to come.
func (r *reader) hasRead(channel string, end protocol.Position, written time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pages[channel]
	return p == nil || p.at == end || p.start.Kind == protocol.StartNow && p.granted.After(written)
}

// views are what the reader was shown. It must have ended.
func (r *reader) views() []checker.View {
	var views []checker.View
	for _, p := range r.pages {
		views = append(views, p.view)
	}
	return views
}
