package demo

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/auth"
	"buildrelay/relay/pipe"
)

// DefaultPause is the rest between two builds.
const DefaultPause = 3 * time.Second

// Config says what is built and how the page reaches the relay.
type Config struct {
	AppID     string         // required
	Key       auth.Key       // required; signs the page's subscriptions
	Publisher pipe.Publisher // required
	Builds    Source         // required
	// First is the number of the first build; 0 is 1. A log outlives the backend that
	// began it, so a later run must not use the numbers of an earlier one.
	First int64
	Slots int           // builds at a time; 0 is 2
	Pause time.Duration // of each slot, between two builds; 0 is DefaultPause

	Page   http.Handler // serves the page's files; nil serves none
	WSHost string       // of the relay, for the page; "" is the host the page came from
	WSPort int          // of the relay, without TLS
	// WSSPort is the relay's port with TLS.
	WSSPort int

	Log *slog.Logger // nil discards
}

// Demo is the backend.
type Demo struct {
	c     Config
	store *store
}

// New returns a backend that is not running yet.
func New(c Config) (*Demo, error) {
	if c.AppID == "" || c.Key.Key == "" || c.Publisher == nil || c.Builds == nil {
		return nil, errors.New("demo: app id, key, publisher and builds are required")
	}
	if c.First == 0 {
		c.First = 1
	}
	if c.Slots == 0 {
		c.Slots = 2
	}
	if c.Pause == 0 {
		c.Pause = DefaultPause
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Demo{c: c, store: newStore(c.First)}, nil
}

// Run runs builds until ctx ends, then stops those that still run, and returns
// when everything is told.
func (d *Demo) Run(ctx context.Context) {
	done := make(chan struct{})
	var slots, announcing errgroup.Group
	a := &announcer{c: d.c, store: d.store}
	announcing.Go(func() error { a.run(ctx, done); return nil })
	for range d.c.Slots {
		slots.Go(func() error { d.slot(ctx); return nil })
	}
	_ = slots.Wait()
	close(done)
	_ = announcing.Wait()
}
