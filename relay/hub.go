package relay

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/feed"
	"buildrelay/relay/metrics"
)

// Interest is told which channels have a reader on this node. For a watched
// channel it calls [Hub.Confirmed] once it hears what is published there, or
// [Hub.Refused]. The methods never block and call nothing back before they
// return.
type Interest interface {
	Watch(appID, channel string)
	Unwatch(appID, channel string)
}

// Config says how a hub behaves. Interest, Roster and Metrics are
// required.
type Config struct {
	Interest Interest
	Roster   Roster
	Metrics  *metrics.Metrics
	// Publisher publishes what clients send to each other, and Caches tells the last
	// events of cache channels; nil where no app has such.
	Publisher Publisher
	Caches    Caches
	// Occurrences is told what webhooks tell; nil where nobody is.
	Occurrences Occurrences
	// Log is where the events of log channels are kept; nil where no app has any.
	Log Log
	// Auditor keeps records; nil where nobody does, which costs nothing.
	Auditor Auditor
	// Jobs make records of status events that a reader of this node gets; nil where none do,
	// or there is no Auditor.
	Jobs audit.Jobs
	// ActivityTimeout is told to clients, which then send a ping when they heard
	// nothing for so long. 0 means 120 s.
	ActivityTimeout time.Duration
	// PingAfter is the silence after which the relay asks for a sign of life. 0
	// means 40 s; it is never more than ActivityTimeout.
	PingAfter time.Duration
	// ReconnectWindow is the time over which connections are asked to come again that stood on
	// a key which is not valid any more. 0 means that all are asked at once.
	ReconnectWindow time.Duration
	// Revocations are those that the node knows; nil means that nobody else asks for them.
	Revocations *Revocations
	// Uses are told which keys have signed; nil where nobody asks.
	Uses *auth.Uses
	// PongTimeout is how long it waits for that sign. 0 means 30 s.
	PongTimeout time.Duration
	// FlushWindow is the least time between two writes for one channel; the first
	// event after a pause is written at once. 0 means 10 ms.
	FlushWindow time.Duration
	// FeedMemory is what all feeds may hold for readers that lag, in bytes. 0
	// means 256 MiB.
	FeedMemory int64
	// Workers is how many fan-out workers there are. 0 means GOMAXPROCS.
	Workers int
	// Controls are for tests.
	Controls Controls
}

// Controls switch off what keeps the promise of log channels, so that a test can show
// that it would notice.
type Controls struct {
	// WithoutResync takes what comes as it comes: nothing is compared.
	WithoutResync bool
	// WithoutSeek goes from a page to the feed without looking for the position.
	WithoutSeek bool
}

func (c Config) withDefaults() Config {
	setDefault(&c.ActivityTimeout, 120*time.Second)
	setDefault(&c.PingAfter, 40*time.Second)
	setDefault(&c.PongTimeout, 30*time.Second)
	setDefault(&c.FlushWindow, 10*time.Millisecond)
	setDefault(&c.FeedMemory, 256<<20)
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	if c.Revocations == nil {
		c.Revocations = &Revocations{}
	}
	c.Revocations.begin()
	c.PingAfter = min(c.PingAfter, c.ActivityTimeout)
	return c
}

func setDefault[T comparable](p *T, value T) {
	if *p == *new(T) {
		*p = value
	}
}

// Hub is the node's register of connections and channels. [Hub.Run] must run
// while it is used.
type Hub struct {
	// Static.
	config  Config
	metrics *metrics.Metrics
	workers []*worker
	start   time.Time
	budget  feed.Budget

	// clock counts seconds since start; the sweeper sets it.
	clock atomic.Int64

	mu       sync.RWMutex
	channels map[channelKey]*channel
	logs     map[channelKey]*channel // those of the channels that are log channels
	conns    map[string]*Conn        // by socket id
	perApp   map[string]int          // connections, by app id
	idle     []*channel              // channels that lost their last subscription, in that order
	apps     *auth.Apps              // those of the last Reload; nil before
	draining bool
	// drained is closed when the last connection of a draining hub is gone.
	drained chan struct{}

	pages *pages
	// suspects are the log channels that are compared without waiting for their turn: just
	// heard, or with events that do not fit.
	suspects *waitlist[*channel]
	// restless are the channels with a roll in doubt, or a count to tell later.
	restless *waitlist[*channel]
	rollCare rollCare
	wheel    wheel
	// reconnects are connections that are to come again.
	reconnects *reconnects
	// revoking are revocations of which connections are to be closed.
	revoking *waitlist[Revocation]
	// staleLogs is how many log channels could not be compared for too long.
	staleLogs atomic.Int64
	// relieved is when the feeds were last cut, in nanoseconds since start.
	relieved atomic.Int64
}

// New returns a hub that does nothing until Run is called.
func New(config Config) *Hub {
	config = config.withDefaults()
	h := &Hub{
		config:   config,
		metrics:  config.Metrics,
		start:    time.Now(),
		channels: make(map[channelKey]*channel),
		logs:     make(map[channelKey]*channel),
		conns:    make(map[string]*Conn),
		perApp:   make(map[string]int),
		drained:  make(chan struct{}),
		pages:    newPages(config.Log, config.Metrics),
		suspects: newWaitlist[*channel](),
		restless: newWaitlist[*channel](),

		reconnects: newReconnects(),
		revoking:   newWaitlist[Revocation](),
	}
	for range config.Workers {
		h.workers = append(h.workers, newWorker(h))
	}
	return h
}

// Run runs the workers, the sweeper and those who read logs until ctx ends. Drain first, so that
// clients are told.
func (h *Hub) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, w := range h.workers {
		running.Go(func() { w.run(ctx) })
	}
	if h.config.Log != nil {
		running.Go(func() { h.verify(ctx) })
		for range pageReaders {
			running.Go(func() { h.pages.run(ctx) })
		}
	}
	running.Go(func() { h.reconnect(ctx) })
	running.Go(func() { h.revoke(ctx) })
	h.sweep(ctx)
	running.Wait()
}

// Open registers a new connection of app, by one of its keys, over the transport that carry
// makes for it, and greets the client. It refuses with a [protocol.Close] when the key is not
// for clients, the app has all the connections it may have, or the hub drains. The facts are
// for records: without an Auditor nobody looks at them.
func (h *Hub) Open(app *auth.App, key string, facts Facts, carry func(*Conn) Transport) (*Conn, *protocol.Close) {
	c := &Conn{hub: h, opened: h.clock.Load(), subscriptions: make(map[string]*subscription)}
	if h.config.Auditor != nil {
		c.trace = &trace{auditor: h.config.Auditor, facts: facts, opened: time.Now()}
	}
	c.app.Store(app)
	c.transport = carry(c)
	if refused := h.register(c, app, key); refused != nil {
		return nil, refused
	}
	c.noteOpen()
	c.Seen()
	h.wheel.add(c, c.firstLook())
	h.metrics.Connections.WithLabelValues(app.ID).Inc()
	h.config.Uses.Note(app.ID, c.key.Key, auth.UseConnect, time.Now())
	c.push(protocol.Established(c.id, h.config.ActivityTimeout))
	return c, nil
}

// register gives the connection its socket id and its worker.
func (h *Hub) register(c *Conn, app *auth.App, key string) *protocol.Close {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return errLeaving()
	}
	if refused := h.admit(c, app, key); refused != nil {
		return refused
	}
	app = c.app.Load()
	if app.MaxConnections > 0 && h.perApp[app.ID] >= app.MaxConnections {
		return protocol.ErrOverQuota()
	}
	for c.id == "" || h.conns[c.id] != nil {
		c.id = protocol.NewSocketID()
	}
	c.worker = h.workers[len(h.conns)%len(h.workers)]
	h.conns[c.id] = c
	h.perApp[app.ID]++
	return nil
}

// forget is the last that happens to a connection.
func (h *Hub) forget(c *Conn) {
	app := c.app.Load().ID
	h.metrics.Connections.WithLabelValues(app).Dec()
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c.id)
	if h.perApp[app]--; h.perApp[app] == 0 {
		delete(h.perApp, app)
	}
	if h.draining && len(h.conns) == 0 {
		close(h.drained)
	}
}

// subscribe makes s a subscription of the channel that is asked for.
func (h *Hub) subscribe(s *subscription, request protocol.Subscribe) {
	h.mu.Lock()
	s.channel = h.open(s.conn.app.Load(), request.Channel)
	if s.channel.chain != nil {
		s.replayFrom(request)
	}
	s.channel.mu.Lock()
	h.mu.Unlock() // what is told of the channel may be long, and holds up nobody else's
	defer s.channel.mu.Unlock()
	h.metrics.Subscriptions.Inc()
	s.channel.add(s)
}

// open returns the channel, a new one if there is none. The caller holds mu until it has
// made use of it, so that the channel stays.
func (h *Hub) open(app *auth.App, name string) *channel {
	key := channelKey{app.ID, name}
	ch := h.channels[key]
	if ch == nil {
		ch = newChannel(key, app, h)
		if rule := app.Logs.Find(name); rule != nil {
			h.logs[key] = ch
			ch.chain = &chain{rule: rule, verified: time.Now(), blind: h.config.Controls.WithoutResync}
		}
		h.channels[key] = ch
		h.metrics.Channels.Inc()
		h.config.Interest.Watch(key.app, key.name)
	} else if ch.retry() {
		h.config.Interest.Watch(key.app, key.name)
	}
	return ch
}

// leave ends a subscription.
func (h *Hub) leave(s *subscription) {
	s.ended.Store(true)
	removed, empty := s.channel.remove(s, time.Now())
	if removed {
		h.metrics.Subscriptions.Dec()
		if s.shard == nil {
			s.noteEnd() // it is no worker's
		}
	}
	h.idleIf(s.channel, empty)
}

// idleIf notes that a channel is empty. It stays for a moment: a page that is reloaded
// comes back to it.
func (h *Hub) idleIf(ch *channel, empty bool) {
	if empty {
		h.mu.Lock()
		h.idle = append(h.idle, ch)
		h.mu.Unlock()
	}
}

func (h *Hub) channel(appID, name string) *channel {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.channels[channelKey{appID, name}]
}
