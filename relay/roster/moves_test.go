package roster_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// crowd are two nodes with members that stay and some that come and go, and what the nodes
// know of all of them.
type crowd struct {
	t        *testing.T
	nodes    [2]*replicas
	channels []string
	here     map[string]bool // the channels where the one who comes and goes is
}

// newCrowd has it hear Redis by one of its servers, which must stay.
func newCrowd(t *testing.T, url string, hears *relaytest.Redis) *crowd {
	c := &crowd{t: t, channels: rooms("presence-"), here: make(map[string]bool)}
	for i := range c.nodes {
		n := newNode(t, url, calm)
		c.nodes[i] = newReplicas(t, n, hears, c.channels)
		n.start()
		for _, channel := range c.channels {
			user := fmt.Sprint("stays", i)
			c.nodes[i].want(channel, user, true)
			n.enter(channel, user)
		}
	}
	c.settle()
	return c
}

// during has somebody come and go while something happens.
func (c *crowd) during(happens func()) {
	ctx, end := context.WithCancel(c.t.Context())
	var moving sync.WaitGroup
	moving.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			c.move(c.channels[i*7%len(c.channels)])
			c.nodes[0].pass()
		}
	})
	happens()
	end()
	moving.Wait()
}

// move has somebody come or go.
func (c *crowd) move(channel string) {
	n := c.nodes[0]
	c.here[channel] = !c.here[channel]
	n.want(channel, "moves", c.here[channel])
	if c.here[channel] {
		n.enter(channel, "moves")
	} else {
		n.Leave("1", channel, "moves")
	}
}

// settle waits until all know all. Nobody who stayed may be told to have left.
func (c *crowd) settle() {
	c.t.Helper()
	for _, channel := range c.channels {
		want := "[stays0 stays1] 0"
		if c.here[channel] {
			want = "[moves stays0 stays1] 0"
		}
		for i := range c.nodes {
			c.await(i, channel, want)
		}
	}
	for i, n := range c.nodes {
		for key, leaves := range n.leaves() {
			if strings.Contains(key, "stays") {
				c.t.Fatalf("node %d was told %d times that %s has left:\n%s", i, leaves, key, n.storyOf(key))
			}
		}
	}
}

// await waits until a node knows what is wanted of a channel.
func (c *crowd) await(i int, channel, want string) {
	c.t.Helper()
	n := c.nodes[i]
	for deadline := time.Now().Add(relaytest.Patience); n.state(channel) != want; n.pass() {
		if time.Now().After(deadline) {
			soon, cancel := context.WithTimeout(c.t.Context(), time.Second)
			defer cancel()
			users, err := n.Users(soon, "1", channel)
			c.t.Fatalf("node %d knows of %s: %s, want %s; Redis has %v, %v:\n%s", i, channel, n.state(channel), want, users, err, n.storyOf(channel))
		}
	}
}

// partitionKey is what names the keys of a partition, for who wants to know their slot.
func partitionKey(p int) string { return fmt.Sprint(prefix, ":{~roster:", p, "}") }

// channelIn is one of the crowd's channels that a partition has.
func (c *crowd) channelIn(p int) string {
	for _, channel := range c.channels {
		if home("1", channel) == partitionKey(p)+":" {
			return channel
		}
	}
	c.t.Fatalf("partition %d has no channel", p)
	return ""
}

// elsewhere returns a partition that another master has, and that.
func elsewhere(cluster *relaytest.RedisCluster, than *relaytest.Redis) (p int, master *relaytest.Redis) {
	for master = than; master == than; p++ {
		master = cluster.MasterOf(partitionKey(p))
	}
	return p - 1, master
}

func TestNobodyLeavesWhileSlotsMove(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	c := newCrowd(t, cluster.URL(), cluster.Nodes()[0])
	c.during(func() {
		for p := range 4 {
			_, to := elsewhere(cluster, cluster.MasterOf(partitionKey(p)))
			awaitEpochs(cluster)
			cluster.MoveSlot(cluster.Slot(partitionKey(p)), to)
		}
	})
	c.settle()
}

// awaitEpochs waits until all servers know of the moves before: who did not, and takes a slot,
// may have to give it back.
func awaitEpochs(cluster *relaytest.RedisCluster) {
	epoch := func(node *relaytest.Redis) string {
		_, after, _ := strings.Cut(node.Client().ClusterInfo(context.Background()).Val(), "cluster_current_epoch:")
		now, _, _ := strings.Cut(after, "\r\n")
		return now
	}
	cluster.AwaitWhole()
	cluster.Await("all know the same epoch", func(node *relaytest.Redis) bool {
		return epoch(node) == epoch(cluster.Nodes()[0])
	})
}

// Half of a roll is none: while its keys are moved it is not told, and waits. What other
// masters have goes on.
func TestARollWaitsWhileItIsMoved(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t)
	c := newCrowd(t, cluster.URL(), cluster.Nodes()[0])
	other, to := elsewhere(cluster, cluster.MasterOf(partitionKey(0)))
	awaitEpochs(cluster)
	move := cluster.BeginMove(cluster.Slot(partitionKey(0)), to)
	move.CarryHalf()
	c.during(func() {
		for range 10 {
			if users, err := c.nodes[0].Users(t.Context(), "1", c.channelIn(other)); err != nil || len(users) < 2 {
				t.Errorf("users %v, %v", users, err)
			}
		}
		soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		for err := error(nil); err == nil; { // as soon as somebody comes or goes there
			_, err = c.nodes[0].Users(soon, "1", c.channelIn(0))
		}
	})
	move.Finish()
	c.settle()
}

func TestNobodyLeavesWhenAReplicaBecomesTheMaster(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(c *crowd, group *relaytest.RedisSentinel){
		"of one that died": func(_ *crowd, group *relaytest.RedisSentinel) {
			group.Master().Kill()
			group.AwaitPromotion()
		},
		"and lacks something": func(c *crowd, group *relaytest.RedisSentinel) {
			c.gone(group.CutReplica) // the replica does not hear that they left
			group.Master().Kill()
			group.AwaitPromotion()
		},
		"of one that does not know it": func(c *crowd, group *relaytest.RedisSentinel) {
			c.deposeUnheard(group)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			group := relaytest.StartRedisSentinel(t)
			c := newCrowd(t, group.URL(), group.Replica())
			group.AwaitSync()
			c.during(func() { happens(c, group) })
			c.settle()
		})
	}
}

// deposeUnheard has the Sentinels call the replica the master, and waits until both nodes
// heed it. The old one does not hear of it, and takes what it is told as before.
func (c *crowd) deposeUnheard(group *relaytest.RedisSentinel) {
	c.t.Helper()
	next := group.Replica()
	epoch := c.get(next, ":epoch")
	if err := next.Client().Do(c.t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
		c.t.Fatal(err)
	}
	host, port, _ := strings.Cut(next.Address(), ":")
	for _, sentinel := range group.Sentinels() {
		for _, command := range [][]any{{"SENTINEL", "REMOVE", "relaytest"}, {"SENTINEL", "MONITOR", "relaytest", host, port, 2}} {
			if err := sentinel.Client().Do(c.t.Context(), command...).Err(); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	relaytest.Eventually(c.t, "both nodes have leases of the new master", func() bool {
		leases := 0
		for _, incarnation := range next.Client().SMembers(c.t.Context(), partitionKey(0)+":incs").Val() {
			if now := c.get(next, ":epoch"); now != epoch && c.get(next, ":lease:"+incarnation) == now {
				leases++
			}
		}
		return leases == 2
	})
	// A node subscribes anew where the master is another.
	if err := next.Client().ClientKillByFilter(c.t.Context(), "TYPE", "pubsub").Err(); err != nil {
		c.t.Fatal(err)
	}
}

// get reads what the first partition has.
func (c *crowd) get(server *relaytest.Redis, key string) string {
	return server.Client().Get(c.t.Context(), partitionKey(0)+key).Val()
}

// gone has somebody come to each channel, and leave after something has happened.
func (c *crowd) gone(happens func()) {
	n := c.nodes[0]
	for _, channel := range c.channels {
		n.enter(channel, "gone")
	}
	c.reads()
	happens()
	for _, channel := range c.channels {
		n.Leave("1", channel, "gone")
	}
	c.reads()
}

// reads reads who is in each channel, which waits until Redis has been told.
func (c *crowd) reads() {
	c.t.Helper()
	for _, channel := range c.channels {
		if _, err := c.nodes[0].Users(c.t.Context(), "1", channel); err != nil {
			c.t.Errorf("reading the members of %s: %v", channel, err)
		}
	}
}

// What a dead master had is told to its replica; what others have goes on meanwhile.
func TestADeadMasterHoldsUpItsPartitionsAlone(t *testing.T) {
	t.Parallel()
	if !relaytest.Full() {
		t.Skip("it starts six servers, and is for make test-full")
	}
	cluster := relaytest.StartRedisCluster(t, relaytest.ClusterReplicas(), relaytest.ClusterNodeTimeout(4*time.Second))
	dies := cluster.MasterOf(partitionKey(0))
	other, hears := elsewhere(cluster, dies)
	replica := cluster.ReplicaOf(dies)
	c := newCrowd(t, cluster.URL(), hears)
	n := startNode(t, cluster.URL(), calm)
	n.roll(c.channelIn(0))
	c.during(func() {
		dies.Kill()
		for i := range 10 {
			n.Count("1", c.channelIn(other), i+1)
			if got := n.ask(c.channelIn(other)); got.Count != i+1 {
				t.Errorf("%d subscriptions, want %d", got.Count, i+1)
			}
		}
		if role := replica.Client().InfoMap(t.Context(), "replication").Val()["Replication"]["role"]; role != "slave" {
			t.Errorf("the dead master's place is taken already, by a %s", role)
		}
		cluster.AwaitWhole()
	})
	n.stop()
	c.settle()
}
