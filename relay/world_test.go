package relay_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	appID     = "3"
	appKey    = "278d425bdf160c739803"
	appSecret = "7ad3773142a6692b25b8" // of Pusher's published examples
)

// world is a hub with scripted clients on one side and a scripted Redis on the
// other.
type world struct {
	t      *testing.T
	hub    *relay.Hub
	apps   *auth.Apps
	redis  *scriptedRedis
	log    *scriptedLog
	roster *scriptedRoster
	caches *scriptedCaches
	told   occurrences
	// metrics are what the hub counts.
	metrics *metrics.Metrics
	audit   *scriptedAuditor // nil where a script has no records
	events  *journal
	// settings are those of the apps.
	settings []auth.App
	clients  map[string]*client
	sockets  []string // socket id, name, socket id, name
	// loose says that it does not matter which frames come in one write.
	loose   bool
	stop    context.CancelFunc
	running sync.WaitGroup
}

func newWorld(t *testing.T, audited bool) *world {
	limited := auth.App{ID: "limited", Keys: []auth.Key{{Key: "limited", Secret: "s"}}, MaxConnections: 1}
	logs := protocol.LogRules{
		{Pattern: "*replay-*", Replay: protocol.Start{Kind: protocol.StartFirst}},
		{Pattern: "tail-*", Replay: protocol.Start{Kind: protocol.StartCount, N: 2}},
		{Pattern: "*log-*"},
	}
	main := auth.App{
		ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}, Logs: logs,
		ClientEvents: true, Watchlists: true, Limits: protocol.DefaultLimits(),
	}
	main.Limits.Members, main.Limits.Watchlist, main.Limits.ClientEvents = 3, 3, 2
	counting := auth.App{
		ID: "counting", Keys: []auth.Key{{Key: "counting", Secret: appSecret}},
		SubscriptionCounts: true, AuthorizationTimeout: 10 * time.Second,
	}
	settings := []auth.App{main, limited, counting}
	apps, err := auth.NewApps(settings...)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, apps: apps, settings: settings, events: &journal{}, clients: make(map[string]*client)}
	w.redis = &scriptedRedis{world: w}
	w.log = newScriptedLog(w)
	w.metrics = metrics.New(prometheus.NewRegistry())
	w.roster = newScriptedRoster(w)
	w.caches = &scriptedCaches{world: w, last: make(map[string]protocol.Cached)}
	config := relay.Config{
		Interest:  w.redis,
		Log:       w.log,
		Roster:    w.roster,
		Publisher: w.caches,
		Caches:    w.caches,
		Metrics:   w.metrics,
		Workers:   2,
		Uses:      &apps.Uses,

		Occurrences: &w.told,
	}
	if audited {
		w.audit = &scriptedAuditor{world: w}
		config.Auditor = w.audit
	}
	w.hub = relay.New(config)
	ctx, stop := context.WithCancel(t.Context())
	w.stop = stop
	w.running.Go(func() { w.hub.Run(ctx) })
	w.running.Go(func() { w.roster.run(ctx) })
	return w
}

func (w *world) close() {
	for _, c := range w.clients {
		c.leave()
	}
	w.stop()
	w.running.Wait()
}

// do carries out one command.
func (w *world) do(line string) error {
	name, rest, _ := strings.Cut(line, " ")
	args := strings.Fields(rest)
	switch name {
	case "connect":
		return w.doConnect(args)
	case "key":
		return w.doKey(args)
	case "decided":
		return w.doDecided(args)
	case "revoke":
		return w.doRevoke(args)
	case "send":
		return w.doSend(rest)
	case "subscribe":
		return w.doSubscribe(args)
	case "flood":
		return w.doFlood(rest)
	case "leave", "stall", "resume":
		return w.doClient(name, args)
	case "publish":
		return w.doPublish(args)
	case "append":
		return w.doAppend(args)
	case "log":
		return w.doLog(args)
	case "redis":
		return w.doRedis(args)
	case "roster":
		return w.doRoster(args)
	case "cache":
		return w.doCache(args)
	case "reread":
		return w.doReread(args)
	case "join":
		return w.doJoin(args)
	case "signin":
		return w.doSignin(args)
	case "wait":
		return w.doWait(args)
	case "drain":
		return w.doDrain(args)
	case "loose":
		w.loose = true
		return nil
	case "channels":
		w.doChannels()
		return nil
	case "reload":
		return w.doReload(args)
	case "audit":
		return w.doAudit(args)
	case "webhooks":
		w.doWebhooks()
		return nil
	default:
		return fmt.Errorf("there is no command %q", name)
	}
}

// doConnect: connect CLIENT [APP [KEY]].
func (w *world) doConnect(args []string) error {
	id := appID
	if len(args) > 1 {
		id = args[1]
	}
	app, ok := w.apps.ByID(id)
	if !ok {
		return fmt.Errorf("there is no app %q", id)
	}
	c := &client{name: args[0], world: w, key: app.Keys[0], inbox: make(chan []byte, 1000)}
	if len(args) > 2 {
		c.key = auth.Key{Key: args[2], Secret: secretOf(args[2])}
	}
	_, refused := w.hub.Open(app, c.key.Key, clientFacts(), func(conn *relay.Conn) relay.Transport {
		c.conn = conn
		return c
	})
	if refused != nil {
		w.events.add("%s: refused %d %s", c.name, refused.Code, refused.Reason)
		return nil
	}
	w.clients[c.name] = c
	w.sockets = append(w.sockets, c.conn.ID(), "<"+c.name+">")
	w.running.Go(c.read)
	return nil
}

// named has the names of clients in place of their socket ids.
func (w *world) named(line string) string { return strings.NewReplacer(w.sockets...).Replace(line) }

func (w *world) client(name string) (*client, error) {
	c := w.clients[name]
	if c == nil {
		return nil, fmt.Errorf("there is no client %q", name)
	}
	return c, nil
}

// doSend: send CLIENT MESSAGE.
func (w *world) doSend(rest string) error {
	name, message, _ := strings.Cut(rest, " ")
	c, err := w.client(name)
	if err != nil {
		return err
	}
	c.inbox <- []byte(message)
	return nil
}

// doFlood: flood CLIENT TIMES MESSAGE.
func (w *world) doFlood(rest string) error {
	name, rest, _ := strings.Cut(rest, " ")
	times, message, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(times)
	if err != nil {
		return fmt.Errorf("times: %w", err)
	}
	for range n {
		if err := w.doSend(name + " " + message); err != nil {
			return err
		}
	}
	return nil
}

// doSubscribe: subscribe CLIENT CHANNEL…, signed where the channel wants that.
func (w *world) doSubscribe(args []string) error {
	c, err := w.client(args[0])
	if err != nil {
		return err
	}
	for _, channel := range args[1:] {
		signature := ""
		if protocol.KindOf(channel).NeedsAuth() {
			signature = c.signChannel(channel, nil)
		}
		c.inbox <- fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q}}`, signature, channel)
	}
	return nil
}

// doClient: leave CLIENT, stall CLIENT (its socket takes nothing), resume CLIENT.
func (w *world) doClient(what string, args []string) error {
	c, err := w.client(args[0])
	if err != nil {
		return err
	}
	switch what {
	case "leave":
		delete(w.clients, c.name)
		c.leave()
	case "stall":
		c.stall()
	default:
		c.resume()
	}
	return nil
}

// doPublish: publish CHANNEL EVENT DATA [except=CLIENT] [size=N] [times=N]. With size
// the data is filled up with dots, with times its number is appended.
func (w *world) doPublish(args []string) error {
	e := protocol.Event{Channel: args[0], Name: args[1], Data: args[2]}
	times, size := 1, 0
	for _, option := range args[3:] {
		key, value, _ := strings.Cut(option, "=")
		var err error
		switch key {
		case "except":
			e.Exclude = w.clients[value].conn.ID()
		case "times":
			times, err = strconv.Atoi(value)
		case "size":
			size, err = strconv.Atoi(value)
		}
		if err != nil {
			return fmt.Errorf("option %q: %w", option, err)
		}
	}
	for i := range times {
		next := e
		if times > 1 {
			next.Data += strconv.Itoa(i + 1)
		}
		next.Data += strings.Repeat(".", max(0, size-len(next.Data)))
		w.hub.Deliver(w.appOf(next.Channel), next)
	}
	w.hub.Flush()
	return nil
}

// doRedis: redis hold (confirm nothing from now on), redis confirm CHANNEL…, redis
// refuse CHANNEL, redis lost, redis back.
func (w *world) doRedis(args []string) error {
	switch args[0] {
	case "hold":
		w.redis.hold = true
	case "confirm":
		for _, channel := range args[1:] {
			w.hub.Confirmed(appID, channel)
		}
	case "refuse":
		w.hub.Refused(appID, args[1])
	case "lost":
		w.redis.hold = true
		w.caches.forget()
		w.hub.Interrupted()
	case "back":
		w.redis.back()
	default:
		return fmt.Errorf("redis does not know %q", args[0])
	}
	return nil
}

func (w *world) doWait(args []string) error {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	<-time.After(d)
	return nil
}

// doDrain: drain WINDOW PATIENCE. It goes on in the background.
func (w *world) doDrain(args []string) error {
	window, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	patience, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	w.running.Go(func() {
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		w.hub.Drain(ctx, window)
		w.hub.Wait(ctx)
		w.events.add("drained")
	})
	return nil
}

// doChannels: channels, lists the occupied ones.
func (w *world) doChannels() {
	w.events.add("occupied: %s", strings.Join(w.roster.occupied(), ", "))
}

// scriptedRedis confirms at once, unless it was told to hold.
type scriptedRedis struct {
	world *world
	mu    sync.Mutex
	hold  bool
	names []protocol.ChannelName // watched
}

func (r *scriptedRedis) Watch(app, channel string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, protocol.ChannelName{App: app, Channel: channel})
	r.world.events.add("redis: watch %s", channel)
	if !r.hold {
		r.world.running.Go(func() { r.world.hub.Confirmed(app, channel) })
	}
}

func (r *scriptedRedis) Unwatch(app, channel string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := protocol.ChannelName{App: app, Channel: channel}
	r.names = slices.DeleteFunc(r.names, func(name protocol.ChannelName) bool { return name == gone })
	r.world.events.add("redis: unwatch %s", channel)
}

func (r *scriptedRedis) back() {
	r.mu.Lock()
	names := slices.Clone(r.names)
	r.hold = false
	r.mu.Unlock()
	for _, name := range names {
		r.world.hub.Confirmed(name.App, name.Channel)
	}
}
