package relay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"buildrelay/protocol"
)

// scriptedRoster keeps the rolls of all channels in memory.
type scriptedRoster struct {
	world *world
	// work is what is to be done, in order, by one goroutine: as the roster it calls
	// nothing back at once.
	work chan func()

	mu    sync.Mutex
	away  bool // nothing is done, but later
	held  []func()
	deaf  bool // changes do not reach the hub
	unset bool // rolls are answered as unsettled
	epoch int
	clock int64
	rolls map[rollKey]*scriptedRoll
}

type rollKey struct{ app, channel string }

type scriptedRoll struct {
	version int64
	ended   int64
	members map[string]string          // infos
	rows    map[string]map[string]bool // nodes by member
	counts  map[string]int             // by node
}

func newScriptedRoster(w *world) *scriptedRoster {
	return &scriptedRoster{world: w, work: make(chan func(), 10000), epoch: 1, rolls: make(map[rollKey]*scriptedRoll)}
}

// run works until ctx ends.
func (r *scriptedRoster) run(ctx context.Context) {
	for {
		select {
		case do := <-r.work:
			if !r.hold(do) {
				do()
			}
		case <-ctx.Done():
			return
		}
	}
}

// hold keeps what is to be done for later while the roster is away.
func (r *scriptedRoster) hold(do func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		r.held = append(r.held, do)
	}
	return r.away
}

func (r *scriptedRoster) roll(key rollKey) *scriptedRoll {
	if r.rolls[key] == nil {
		r.rolls[key] = &scriptedRoll{members: map[string]string{}, rows: map[string]map[string]bool{}, counts: map[string]int{}}
	}
	return r.rolls[key]
}

// change makes c the next step of a roll, and tells it.
func (r *scriptedRoster) change(key rollKey, c protocol.Change) {
	roll := r.roll(key)
	r.clock++
	c.Prev, roll.version = roll.version, r.clock
	c.At = protocol.Version{Epoch: strconv.Itoa(r.epoch), N: r.clock}
	if c.Ended {
		roll.ended = r.clock
	}
	if !r.deaf {
		r.world.hub.Deliver(key.app, protocol.Event{Channel: key.channel, Change: &c})
		r.world.hub.Flush()
	}
}

func (r *scriptedRoster) enter(node string, key rollKey, m protocol.Member, limit int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	roll := r.roll(key)
	if roll.rows[m.ID] == nil {
		if limit > 0 && len(roll.rows) >= limit {
			r.world.running.Go(func() { r.world.hub.Full(key.app, key.channel, m.ID) })
			return
		}
		roll.rows[m.ID], roll.members[m.ID] = map[string]bool{}, m.Info
		r.change(key, protocol.Change{Joined: &m, Count: -1})
	}
	roll.rows[m.ID][node] = true
}

func (r *scriptedRoster) leave(node string, key rollKey, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	roll := r.roll(key)
	if delete(roll.rows[id], node); roll.rows[id] != nil && len(roll.rows[id]) == 0 {
		delete(roll.rows, id)
		delete(roll.members, id)
		r.change(key, protocol.Change{Left: id, Count: -1})
	}
}

func (r *scriptedRoster) count(node string, key rollKey, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	roll := r.roll(key)
	before := roll.total()
	if roll.counts[node] = n; n == 0 {
		delete(roll.counts, node)
	}
	app, _ := r.world.apps.ByID(key.app)
	if app.TellsRoll(key.channel) && roll.total() != before {
		r.change(key, protocol.Change{Count: roll.total()})
	}
}

func (r *scriptedRoll) total() (n int) {
	for _, count := range r.counts {
		n += count
	}
	return n
}

// Enter implements relay.Roster.
func (r *scriptedRoster) Enter(appID, channel string, m protocol.Member, limit int) {
	r.work <- func() { r.enter("here", rollKey{appID, channel}, m, limit) }
}

// Leave implements relay.Roster.
func (r *scriptedRoster) Leave(appID, channel, userID string) {
	r.work <- func() { r.leave("here", rollKey{appID, channel}, userID) }
}

// Count implements relay.Roster.
func (r *scriptedRoster) Count(appID, channel string, n int) {
	r.work <- func() { r.count("here", rollKey{appID, channel}, n) }
}

// Ask implements relay.Roster.
func (r *scriptedRoster) Ask(appID, channel string, known protocol.Version) {
	r.work <- func() {
		r.mu.Lock()
		roll := r.roll(rollKey{appID, channel})
		answer := protocol.Roll{
			At:    protocol.Version{Epoch: strconv.Itoa(r.epoch), N: roll.version},
			Count: roll.total(), Ended: roll.ended, Settled: !r.unset,
		}
		for _, id := range slices.Sorted(maps.Keys(roll.members)) {
			answer.Members = append(answer.Members, protocol.Member{ID: id, Info: roll.members[id]})
		}
		r.mu.Unlock()
		if answer.At == known && answer.Settled {
			return
		}
		r.world.hub.Rolled(appID, channel, answer)
	}
}

// occupied lists the subscriptions and members of all channels.
func (r *scriptedRoster) occupied() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for key, roll := range r.rolls {
		if n := roll.total() + len(roll.rows); n > 0 {
			lines = append(lines, fmt.Sprintf("%s %d", key.channel, n))
		}
	}
	slices.Sort(lines)
	return lines
}

// doRoster: roster enter CHANNEL USER [INFO], roster leave CHANNEL USER, roster count
// CHANNEL N: of another node. roster end USER. roster away, roster back; roster deaf (what
// changes is not told), roster hears; roster forget (Redis loses everything), roster
// unsettled, roster settled.
func (w *world) doRoster(args []string) error {
	r := w.roster
	key := rollKey{appID, strings.Join(args[1:min(len(args), 2)], "")}
	switch args[0] {
	case "enter":
		r.enter("other", key, protocol.Member{ID: args[2], Info: strings.Join(args[3:], " ")}, 0)
	case "leave":
		r.leave("other", key, args[2])
	case "count":
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		r.count("other", rollKey{w.appOf(args[1]), args[1]}, n)
	case "end":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.change(rollKey{appID, protocol.UserPrefix + args[1]}, protocol.Change{Ended: true, Count: -1})
	case "forget":
		r.mu.Lock()
		defer r.mu.Unlock()
		r.epoch++
		clear(r.rolls)
	default:
		return w.setRoster(args[0])
	}
	return nil
}

// appOf is the app that a channel of a script belongs to.
func (w *world) appOf(channel string) string {
	if strings.Contains(channel, "counted") {
		return "counting"
	}
	return appID
}

func (w *world) setRoster(what string) error {
	r := w.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	switch what {
	case "away":
		r.away = true
	case "back":
		r.away = false
		for _, do := range r.held {
			r.work <- do
		}
		r.held = nil
	case "deaf", "hears":
		r.deaf = what == "deaf"
	case "unsettled", "settled":
		r.unset = what == "unsettled"
	default:
		return fmt.Errorf("roster does not know %q", what)
	}
	return nil
}

// noRoster is for hubs without presence.
type noRoster struct{}

func (noRoster) Enter(string, string, protocol.Member, int) {}
func (noRoster) Leave(string, string, string)               {}
func (noRoster) Count(string, string, int)                  {}
func (noRoster) Ask(string, string, protocol.Version)       {}

var errAway = errors.New("away")

// scriptedCaches keeps the last events of cache channels, and publishes what clients send
// to each other.
type scriptedCaches struct {
	world *world

	mu    sync.Mutex
	away  bool
	asked []protocol.ChannelName // while away
	last  map[string]protocol.Cached
}

// AskCache implements relay.Caches.
func (c *scriptedCaches) AskCache(appID, channel string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		c.asked = append(c.asked, protocol.ChannelName{App: appID, Channel: channel})
		return
	}
	c.world.running.Go(func() { c.tell(appID, channel) })
}

// tell tells what is kept now, in its place among what is published.
func (c *scriptedCaches) tell(appID, channel string) {
	c.mu.Lock()
	last := c.last[channel]
	c.mu.Unlock()
	c.world.hub.Deliver(appID, protocol.Event{Channel: channel, Cached: &last})
	c.world.hub.Flush()
}

// set makes it go away, or come back and answer.
func (c *scriptedCaches) set(away bool) {
	c.mu.Lock()
	asked := c.asked
	c.away, c.asked = away, nil
	c.mu.Unlock()
	for _, name := range asked {
		c.tell(name.App, name.Channel)
	}
}

// forget forgets what was asked.
func (c *scriptedCaches) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = nil
}

// Publish implements relay.Publisher.
func (c *scriptedCaches) Publish(_ context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	if c.isAway() {
		return protocol.Receipt{}, errAway
	}
	for _, e := range events {
		c.world.hub.Deliver(appID, e)
	}
	c.world.hub.Flush()
	return protocol.Receipt{}, nil
}

func (c *scriptedCaches) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away
}

// doCache: cache CHANNEL EVENT DATA [ttl=DURATION] (what Redis keeps), cache away, cache
// back (it does not answer, it does).
func (w *world) doCache(args []string) error {
	c := w.caches
	if len(args) == 1 {
		c.set(args[0] == "away")
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cached := protocol.Cached{Event: protocol.Event{Channel: args[0], Name: args[1], Data: args[2]}, TTL: 30 * time.Minute}
	for _, option := range args[3:] {
		var err error
		if cached.TTL, err = time.ParseDuration(strings.TrimPrefix(option, "ttl=")); err != nil {
			return err
		}
	}
	c.last[args[0]] = cached
	return nil
}
