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

// restarting is in the error that a relay tells before it stops.
const restarting = `"code":4200`

// readerKind says how a reader behaves.
type readerKind struct {
	name string
	// resumes says that it asks for what follows its position; a stock client takes
	// what the channel's rule replays.
	resumes bool
	// rewind is how many entries it asks for at first; 0 means all. For one that
	// resumes.
	rewind int64
	// every is the longest that it stays connected; 0 means for ever.
	every time.Duration
	// slow is how long it takes for each KiB.
	slow time.Duration
}

// reader is a client with one page for each of its channels.
type reader struct {
	kind  readerKind
	urls  []string    // of relays; it takes another one each time
	tls   *tls.Config // for wss
	dice  dice
	hurry atomic.Bool // nothing but reading to the end is left to do

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

func newReader(kind readerKind, urls []string, config *tls.Config, channels []string, d dice) *reader {
	r := &reader{kind: kind, urls: urls, tls: config, dice: d, pages: make(map[string]*page)}
	for _, channel := range channels {
		r.pages[channel] = &page{view: checker.View{Reader: kind.name, Channel: channel, Slow: kind.slow > 0}}
	}
	return r
}

// run reads until ctx ends, through as many connections as it takes.
func (r *reader) run(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		r.session(ctx, r.urls[i%len(r.urls)])
		pause(r.dice.between(20*time.Millisecond, 200*time.Millisecond), ctx.Done())
	}
}

// session is the life of one connection.
func (r *reader) session(ctx context.Context, url string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.kind.every > 0 {
		away := time.AfterFunc(r.dice.between(r.kind.every/4, r.kind.every), func() {
			if !r.hurry.Load() {
				cancel()
			}
		})
		defer away.Stop()
	}
	s, err := dial(ctx, url, r.tls, r.kind.slow, &r.hurry)
	if err != nil {
		return // the relay is down
	}
	defer s.close()
	for channel := range r.pages {
		if err := s.send(r.subscription(s.socketID, channel)); err != nil {
			return
		}
	}
	for {
		f, err := s.next()
		if err != nil {
			break
		}
		r.take(f)
	}
	r.cut()
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
	case !r.kind.resumes:
		p.start = replayOf(channel)
	case p.placed:
		p.start = protocol.Start{Kind: protocol.StartSince, Since: p.at}
		data["since"] = p.at.String()
	case r.kind.rewind > 0:
		p.start = protocol.Start{Kind: protocol.StartCount, N: r.kind.rewind}
		data["rewind"] = map[string]any{"count": r.kind.rewind}
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
		if f.Event == "pusher:error" && !strings.Contains(string(f.Data), restarting) {
			r.failed = append(r.failed, fmt.Sprintf("%s was told %s", r.kind.name, f.Data))
		}
		return
	}
	s := f.sight()
	s.Time = time.Now()
	if s.Kind == checker.Subscribed {
		s.Start, s.Asked, p.granted = p.start, p.asked, s.Time
	}
	if f.Relay != "" {
		p.at, p.placed = s.At, true
	}
	p.view.Sights = append(p.view.Sights, s)
}

// cut notes on all pages that the connection ended.
func (r *reader) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.pages {
		p.view.Sights = append(p.view.Sights, checker.Sight{Kind: checker.Cut, Time: time.Now()})
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
