package chaos

import (
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// World is what a fault may harm.
type World struct {
	*faults.World
	// Links are between each relay and Redis. An act with more than one Redis server has none.
	Links []Link

	size Size
}

// Channels are those that are written.
func (w *World) Channels() []string { return w.size.channelNames() }

// Link is a node's connection to Redis.
type Link struct {
	// Subscriptions can swallow what subscribing connections carry, Commands what the others
	// do. All can treat everything badly.
	Subscriptions, Commands *faults.HoleLink
	All                     *faults.ToxicLink
}

// Fault is one kind of harm.
type Fault struct {
	Name string
	// Harm does it and undoes it, in seconds: when it returns clients can go on. Mend, if not
	// nil, puts in order what is left then.
	Harm, Mend func(w *World)
	// Quick says that it is for short runs, too; Ends that it ends a node's process.
	Quick, Ends bool
}

// Act is one kind of Redis, and what can be done to it.
type Act struct {
	Name   string
	Faults []Fault
	// Prepare says in the plan what Redis is.
	Prepare func(p *faults.Plan, w *World)
	// Tells says that gaps may be told: Redis loses what it acknowledged.
	Tells bool
}

// Acts are all of them.
func Acts() []Act {
	return []Act{
		{Name: "one server", Faults: oneServer(), Prepare: prepareServer},
		{Name: "Sentinels", Faults: sentinelFaults(), Prepare: prepareSentinels, Tells: true},
		{Name: "Cluster", Faults: clusterFaults(), Prepare: prepareCluster, Tells: true},
	}
}

// prepareServer gives each node a link to the one server.
func prepareServer(p *faults.Plan, w *World) {
	// The links wait for a connection that the kernel does not take while Redis stands still,
	// and for long: so it takes all of them.
	p.Redis = []relaytest.RedisOption{relaytest.RedisKeeps(), relaytest.RedisSettings("tcp-backlog 4096")}
	p.RelayVia = func(t testing.TB, _ int, address string) string {
		all := faults.StartToxicLink(t, address)
		commands := faults.StartCommandLink(t, all.Address())
		subscriptions := faults.StartPubSubLink(t, commands.Address())
		w.Links = append(w.Links, Link{subscriptions, commands, all})
		return subscriptions.Address()
	}
}

const second = time.Second

// oneServer are the faults of nodes, of links and of a single Redis server. To add one is to
// add a line.
func oneServer() []Fault {
	return append(nodeFaults(), []Fault{
		{Name: "F3 Redis is restarted", Harm: restartRedis},
		{Name: "F4 Redis is killed and has a file", Harm: killRedis, Quick: true},
		{Name: "F6 Redis stands still for 5 s", Harm: freezeRedis(5 * second)},
		{Name: "F6 Redis stands still for 30 s", Harm: freezeRedis(30 * second)},
		{Name: "F7 subscriptions are swallowed", Harm: swallowSubscriptions},
		{Name: "F8 commands are swallowed", Harm: swallowCommands},
		{Name: "F9 the links are slow, narrow, sliced and reset", Harm: badLinks},
		{Name: "F11 subscriptions are killed every 300 ms", Harm: killSubscriptions, Quick: true},
		{Name: "F12 a node stands still and Redis cuts it off", Harm: cutOff},
		{Name: "F25 Redis is full", Harm: fillRedis},
		{Name: "Redis forgets its scripts", Harm: flushScripts, Quick: true},
	}...)
}

// nodeFaults are those that have nothing to do with what Redis is.
func nodeFaults() []Fault {
	return []Fault{
		{Name: "F1 a node is killed", Harm: killNode, Quick: true, Ends: true},
		{Name: "F2 nodes are killed one after the other", Harm: killNodes, Ends: true},
		{Name: "F17 all nodes are restarted in turn", Harm: restartNodes, Ends: true},
		{Name: "F18 all connections are reset", Harm: func(w *World) { w.ResetClients() }, Quick: true},
		{Name: "F19 a tenth of the clients takes nothing", Harm: stopClients},
	}
}
