package relaytest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// RedisCluster is a Redis Cluster of three masters, each with a replica if that is asked
// for. Its servers are processes of the test's own.
type RedisCluster struct {
	t      testing.TB
	plan   clusterPlan
	nodes  []*Redis // the masters of the beginning come first
	ids    map[*Redis]string
	client *redis.ClusterClient
}

type clusterPlan struct {
	replicas bool
	timeout  time.Duration
	nodes    []RedisOption
}

// ClusterOption changes what StartRedisCluster starts.
type ClusterOption func(*clusterPlan)

// ClusterReplicas gives each master a replica.
func ClusterReplicas() ClusterOption { return func(p *clusterPlan) { p.replicas = true } }

// ClusterNodeTimeout is how long a node must be silent to be taken for dead; it is a
// second otherwise.
func ClusterNodeTimeout(d time.Duration) ClusterOption {
	return func(p *clusterPlan) { p.timeout = d }
}

// ClusterNodes changes all nodes. TLS they do not speak: among themselves they would demand
// certificates that are for clients, too.
func ClusterNodes(options ...RedisOption) ClusterOption {
	return func(p *clusterPlan) { p.nodes = append(p.nodes, options...) }
}

// StartRedisCluster starts a Cluster and returns when all of its nodes find it whole.
func StartRedisCluster(t testing.TB, options ...ClusterOption) *RedisCluster {
	t.Helper()
	c := &RedisCluster{t: t, plan: clusterPlan{timeout: time.Second}, ids: make(map[*Redis]string)}
	for _, option := range options {
		option(&c.plan)
	}
	n := masters
	if c.plan.replicas {
		n += masters
	}
	for i := range n {
		c.startNode(i)
	}
	c.meet()
	c.connect()
	return c
}

const masters = 3

func (c *RedisCluster) startNode(i int) {
	c.t.Helper()
	options := append(slices.Clone(c.plan.nodes), RedisSettings(
		fmt.Sprintf("cluster-node-timeout %d", c.plan.timeout.Milliseconds()), "cluster-allow-replica-migration no"))
	node := newRedisAs(c.t, redisRole{cluster: true}, options...)
	node.launch()
	node.tell("CLUSTER", "SET-CONFIG-EPOCH", i+1) // so that none must yield to another
	if i < masters {
		node.tell("CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
	}
	c.ids[node] = node.tell("CLUSTER", "MYID").Val().(string)
	c.nodes = append(c.nodes, node)
}

// meet makes a Cluster of the nodes.
func (c *RedisCluster) meet() {
	c.t.Helper()
	for _, node := range c.nodes[1:] {
		c.nodes[0].tell("CLUSTER", "MEET", node.host, node.port, node.role.bus)
	}
	c.Await("the nodes know of each other", func(node *Redis) bool {
		return clusterInfo(node)["cluster_known_nodes"] == strconv.Itoa(len(c.nodes))
	})
	for i, replica := range c.nodes[masters:] {
		replica.tell("CLUSTER", "REPLICATE", c.ids[c.nodes[i]])
	}
	c.AwaitWhole()
}

// URL is what RELAY_REDIS_URL has to be.
func (c *RedisCluster) URL() string {
	u := c.nodes[0].groupURL("+cluster", c.nodes)
	return u.String()
}

// Client is a client that goes where a key is.
func (c *RedisCluster) Client() redis.UniversalClient { return c.client }

func (c *RedisCluster) connect() {
	c.t.Helper()
	o := &redis.ClusterOptions{
		Addrs: addresses(c.nodes), Password: c.nodes[0].password,
		DialTimeout: time.Second, DialerRetries: 1, ReadTimeout: time.Second, ContextTimeoutEnabled: true,
		// By itself the client looks once a minute, or when a master sends it elsewhere: one
		// that is dead sends nobody.
		ClusterStateReloadInterval: time.Second,
	}
	c.client = redis.NewClusterClient(o)
	c.t.Cleanup(func() { _ = c.client.Close() })
}

// Nodes are all nodes, masters and replicas.
func (c *RedisCluster) Nodes() []*Redis { return c.nodes }

// Await waits until something is so with every node that runs.
func (c *RedisCluster) Await(what string, is func(node *Redis) bool) {
	c.t.Helper()
	waitFor(c.t, what, groupPause, func() bool {
		for _, node := range c.nodes {
			if node.running() && !is(node) {
				return false
			}
		}
		return true
	})
}

// AwaitWhole waits until every node that runs finds the Cluster whole, all of them say the
// same of who has which slot, and every replica has all that its master has.
func (c *RedisCluster) AwaitWhole() {
	c.t.Helper()
	var first string
	c.Await("the Cluster is whole", func(node *Redis) bool {
		held := c.held(node)
		if node == c.firstRunning() {
			first = held
		}
		return held != "" && held == first && clusterInfo(node)["cluster_state"] == "ok" && (node.isMaster() || node.inStep())
	})
}

func (c *RedisCluster) firstRunning() *Redis {
	c.t.Helper()
	for _, node := range c.nodes {
		if node.running() {
			return node
		}
	}
	c.t.Fatal("no node of the Cluster runs")
	return nil
}

// held is which slots have which masters, by what a node knows; "" where one of them does
// not run.
func (c *RedisCluster) held(node *Redis) string {
	ranges, err := c.ranges(node)
	if err != nil {
		return ""
	}
	var all []string
	for _, r := range ranges {
		if r.master == nil || !r.master.running() {
			return ""
		}
		all = append(all, fmt.Sprintf("%d-%d %s", r.from, r.to, r.master.Address()))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// slotRange is some slots and who has them.
type slotRange struct {
	from, to int
	master   *Redis
}

// ranges are the slots as a node knows them.
func (c *RedisCluster) ranges(node *Redis) (all []slotRange, err error) {
	reply, err := node.ask("CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(reply.Val().(string)) {
		fields := strings.Fields(line)
		for _, field := range fields[min(8, len(fields)):] {
			if r, ok := parseRange(field); ok {
				r.master = c.byID(fields[0])
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// parseRange reads 1-5 or 7. What is being moved is told in brackets besides.
func parseRange(text string) (slotRange, bool) {
	from, to, several := strings.Cut(text, "-")
	if !several {
		to = from
	}
	var r slotRange
	var err error
	if r.from, err = strconv.Atoi(from); err != nil {
		return r, false
	}
	r.to, err = strconv.Atoi(to)
	return r, err == nil
}

func (c *RedisCluster) byID(id string) *Redis {
	for node, its := range c.ids {
		if its == id {
			return node
		}
	}
	return nil
}

// clusterInfo is what CLUSTER INFO says; it is empty where nothing is said.
func clusterInfo(node *Redis) map[string]string {
	fields := make(map[string]string)
	reply, err := node.ask("CLUSTER", "INFO")
	if err != nil {
		return fields
	}
	for line := range strings.Lines(reply.Val().(string)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	return fields
}
