package faults

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// Crowd is a run with users who join presence channels and leave them, in a tab or
// several, on whatever relay they reach.
type Crowd struct {
	Fault string
	Redis []relaytest.RedisOption
	// Group is as in a [Plan]; there are no links then.
	Group    func(t testing.TB) RedisGroup
	Relays   int
	Env      map[string]string
	Channels int
	// Users is how many there are; every fifth never leaves of itself.
	Users int
	// Stay is how long a visit lasts on average.
	Stay time.Duration
	// Nemesis does the harm, in the test's own goroutine, while the crowd comes and goes.
	// When it returns, all relays must run.
	Nemesis func(w *CrowdWorld)
}

// CrowdWorld is what a crowd's Nemesis may harm.
type CrowdWorld struct {
	*World
	Links []*ToxicLink // of each relay to Redis
}

// CrowdResult is what came of it.
type CrowdResult struct {
	Seed uint64
	// Wrong is what no user may see, and what the lists were lacking or had too much.
	Wrong []string
	// Visits is how often somebody was let in; Told how many joins and leaves were told.
	Visits, Told int
	// Settled is how long it took, once nobody came or went any more, until all lists were
	// right.
	Settled time.Duration
}

// crowd is a run of a Crowd.
type crowd struct {
	plan  Crowd
	world *CrowdWorld
	tabs  []*tab
	// settling is closed for the tabs to come and go no more.
	settling chan struct{}
	running  sync.WaitGroup
	diary    diary
}

// RunCrowd runs a crowd through its plan's faults and looks whether the users saw each
// other come and go as they did.
func RunCrowd(t *testing.T, plan Crowd) CrowdResult {
	t.Helper()
	n := seed(t)
	t.Logf("%s: RELAY_FAULT_SEED=%d", plan.Fault, n)
	c := &crowd{plan: plan, world: newCrowdWorld(t, plan, n), settling: make(chan struct{})}
	c.gather(n)
	ctx, stop := context.WithCancel(t.Context())
	leave := func() { stop(); c.running.Wait() }
	t.Cleanup(leave)
	for _, tab := range c.tabs {
		c.running.Go(func() { tab.run(ctx) })
	}
	plan.Nemesis(c.world)
	close(c.settling)
	settled := time.Now()
	c.awaitLists()
	result := CrowdResult{Seed: n, Settled: time.Since(settled)}
	leave()
	result.Visits, result.Told, result.Wrong = c.diary.read()
	return result
}

func newCrowdWorld(t *testing.T, plan Crowd, seed uint64) *CrowdWorld {
	t.Helper()
	w := &CrowdWorld{World: &World{T: t, dice: newDice(seed, 0)}}
	if plan.Group != nil {
		w.Group = plan.Group(t)
	} else {
		w.Redis = relaytest.StartRedis(t, plan.Redis...)
	}
	for range plan.Relays {
		env := map[string]string{
			"RELAY_REDIS_URL":       w.link(),
			"RELAY_LOG_LEVEL":       "info",
			"RELAY_APP_MAX_MEMBERS": strconv.Itoa(2 * plan.Users),
			"RELAY_PING_AFTER":      "10s", // less than what a tab takes for silence
		}
		maps.Copy(env, plan.Env)
		w.Relays = append(w.Relays, relaytest.StartRelay(t, env))
	}
	return w
}

// link returns where the next relay finds Redis: behind a link, if it is one server.
func (w *CrowdWorld) link() string {
	if w.Group != nil {
		return w.Group.URL()
	}
	l := StartToxicLink(w.T, w.Redis.Address())
	w.Links = append(w.Links, l)
	return "redis://" + l.Address()
}

// gather makes the users' tabs. Some have a second one on the same channel, some one on
// the next channel.
func (c *crowd) gather(seed uint64) {
	var urls []string
	for _, relay := range c.world.Relays {
		urls = append(urls, relay.SocketURL(relaytest.Key))
	}
	add := func(user, channel int, steady bool) {
		d := newDice(seed, uint64(1+len(c.tabs)))
		stays, visits := steady || d.IntN(3) > 0, 0
		if !stays && d.IntN(2) == 0 {
			visits = 1 + d.IntN(3)
		}
		c.tabs = append(c.tabs, &tab{
			user: fmt.Sprintf("user-%d", user), channel: channelOf(channel % c.plan.Channels),
			urls: urls, stay: c.plan.Stay, steady: steady, stays: stays, visits: visits, dice: d,
			settling: c.settling, diary: &c.diary,
		})
	}
	for user := range c.plan.Users {
		add(user, user, user%5 == 0)
		if user%4 == 1 {
			add(user, user, false)
		}
		if user%6 == 2 {
			add(user, user+1, false)
		}
		if user%12 == 1 {
			add(user, user, false)
		}
	}
}

func channelOf(n int) string { return fmt.Sprintf("presence-crowd-%d", n) }
