package relaytest

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// masterName is what the Sentinels call the master.
const masterName = "relaytest"

// RedisSentinel is a master, a replica of it and three Sentinels that make the replica the
// master when the master is gone. Its servers are processes of the test's own.
type RedisSentinel struct {
	t         testing.TB
	plan      sentinelPlan
	nodes     []*Redis
	sentinels []*Redis
	// known is who was the master when that was last waited for.
	known  *Redis
	client *redis.Client
}

type sentinelPlan struct {
	downAfter time.Duration
	password  string // of the Sentinels
	nodes     []RedisOption
	hosts     func(node int) RedisOption
}

// SentinelOption changes what StartRedisSentinel starts.
type SentinelOption func(*sentinelPlan)

// SentinelNodes changes the master and the replica.
func SentinelNodes(options ...RedisOption) SentinelOption {
	return func(p *sentinelPlan) { p.nodes = append(p.nodes, options...) }
}

// SentinelDownAfter is how long the master must be silent to be taken for dead; it is a
// second otherwise.
func SentinelDownAfter(d time.Duration) SentinelOption {
	return func(p *sentinelPlan) { p.downAfter = d }
}

// SentinelPassword demands a password of whoever asks the Sentinels.
func SentinelPassword(password string) SentinelOption {
	return func(p *sentinelPlan) { p.password = password }
}

// StartRedisSentinel starts them and returns when the Sentinels know of each other and of
// the replica, and that has all that the master has.
func StartRedisSentinel(t testing.TB, options ...SentinelOption) *RedisSentinel {
	t.Helper()
	s := &RedisSentinel{t: t, plan: sentinelPlan{downAfter: time.Second}}
	for _, option := range options {
		option(&s.plan)
	}
	for range 2 {
		s.startNode()
	}
	s.known = s.nodes[0]
	for range 3 {
		s.startSentinel()
	}
	s.AwaitSync()
	s.connect()
	return s
}

func (s *RedisSentinel) startNode() {
	s.t.Helper()
	options := slices.Clone(s.plan.nodes)
	if s.plan.hosts != nil {
		options = append(options, s.plan.hosts(len(s.nodes)))
	}
	node := newRedisAs(s.t, redisRole{}, options...)
	if len(s.nodes) > 0 {
		master := s.nodes[0]
		node.lines = append(node.lines, fmt.Sprintf("replicaof %s %d", master.host, master.port))
	}
	node.launch()
	s.nodes = append(s.nodes, node)
}

// startSentinel starts a Sentinel. It runs where the replica does.
func (s *RedisSentinel) startSentinel() {
	s.t.Helper()
	master := s.nodes[0]
	options := []RedisOption{RedisSettings(
		fmt.Sprintf("sentinel monitor %s %s %d 2", masterName, master.host, master.port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", masterName, s.plan.downAfter.Milliseconds()),
		fmt.Sprintf("sentinel failover-timeout %s 4000", masterName))}
	if master.password != "" {
		options = append(options, RedisSettings(fmt.Sprintf("sentinel auth-pass %s %s", masterName, master.password)))
	}
	if s.plan.password != "" {
		options = append(options, RedisPassword(s.plan.password), RedisSettings("sentinel sentinel-pass "+s.plan.password))
	}
	if master.certs != nil {
		options = append(options, RedisTLS(master.certs))
	}
	sentinel := newRedisAs(s.t, redisRole{sentinel: true}, options...)
	sentinel.host, sentinel.command = s.nodes[1].host, s.nodes[1].command
	sentinel.launch()
	// They look around more often than they do of themselves: a test is not to wait for what
	// it is not about. When a master is dead and who follows it is decided as always.
	sentinel.tell("SENTINEL", "DEBUG", "INFO-PERIOD", 500, "PUBLISH-PERIOD", 200)
	s.sentinels = append(s.sentinels, sentinel)
}

// URL is what RELAY_REDIS_URL has to be.
func (s *RedisSentinel) URL() string {
	u := s.nodes[0].groupURL("+sentinel", s.sentinels)
	u.Path = "/" + masterName
	if s.plan.password != "" {
		u.RawQuery = url.Values{"sentinel_password": {s.plan.password}}.Encode()
	}
	return u.String()
}

// Client is a client that asks the Sentinels who the master is.
func (s *RedisSentinel) Client() redis.UniversalClient { return s.client }

func (s *RedisSentinel) connect() {
	s.t.Helper()
	o := &redis.FailoverOptions{
		MasterName: masterName, SentinelAddrs: addresses(s.sentinels), SentinelPassword: s.plan.password,
		Password: s.nodes[0].password, ContextTimeoutEnabled: true,
		DialTimeout: time.Second, DialerRetries: 1, ReadTimeout: time.Second,
	}
	if certs := s.nodes[0].certs; certs != nil {
		o.TLSConfig = certs.Client()
	}
	s.client = redis.NewFailoverClient(o)
	s.t.Cleanup(func() { _ = s.client.Close() })
}

// Nodes are the two that are master and replica by turns.
func (s *RedisSentinel) Nodes() []*Redis { return s.nodes }

// Sentinels are the three Sentinels.
func (s *RedisSentinel) Sentinels() []*Redis { return s.sentinels }

// Master is who most of the Sentinels say it is.
func (s *RedisSentinel) Master() *Redis {
	s.t.Helper()
	var master *Redis
	Eventually(s.t, "most Sentinels agree who the master is", func() bool {
		named := make(map[*Redis]int)
		for _, sentinel := range s.sentinels {
			node := s.named(sentinel)
			if named[node]++; node != nil && named[node] >= 2 {
				master = node
				return true
			}
		}
		return false
	})
	return master
}

// Replica is the node that is not the master.
func (s *RedisSentinel) Replica() *Redis {
	s.t.Helper()
	return s.other(s.Master())
}

func (s *RedisSentinel) other(node *Redis) *Redis {
	if node == s.nodes[0] {
		return s.nodes[1]
	}
	return s.nodes[0]
}

// named is whom a Sentinel calls the master, nil where it does not answer.
func (s *RedisSentinel) named(sentinel *Redis) *Redis {
	if !sentinel.running() {
		return nil
	}
	reply, err := sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
	if err != nil {
		return nil
	}
	address, err := reply.StringSlice()
	if err != nil || len(address) != 2 {
		return nil
	}
	for _, node := range s.nodes {
		if node.Address() == net.JoinHostPort(address[0], address[1]) {
			return node
		}
	}
	return nil
}

// FailOver makes the replica the master, as an operator does, and returns when it is.
func (s *RedisSentinel) FailOver() *Redis {
	s.t.Helper()
	s.known = s.Master()
	Eventually(s.t, "a Sentinel begins to make the replica the master", func() bool {
		_, err := s.sentinels[0].ask("SENTINEL", "FAILOVER", masterName)
		return err == nil || strings.HasPrefix(err.Error(), "INPROG")
	})
	return s.AwaitPromotion()
}

// AwaitPromotion waits until the Sentinels name another master than when that was last
// waited for, and it is one. It returns that.
func (s *RedisSentinel) AwaitPromotion() *Redis {
	s.t.Helper()
	next := s.other(s.known)
	waitFor(s.t, "the replica becomes the master", groupPause, func() bool {
		for _, sentinel := range s.sentinels {
			if sentinel.running() && s.named(sentinel) != next {
				return false
			}
		}
		return next.isMaster()
	})
	s.known = next
	return next
}

// AwaitSync waits until all three Sentinels know of each other and of a replica, and that
// has all that the master has: after it the master may be killed.
func (s *RedisSentinel) AwaitSync() {
	s.t.Helper()
	waitFor(s.t, "the replica has what the master has, and the Sentinels know", groupPause, func() bool {
		for _, sentinel := range s.sentinels {
			if sentinel.running() && !s.content(sentinel) {
				return false
			}
		}
		return s.Replica().inStep()
	})
}

// content says that a Sentinel could make the replica the master.
func (s *RedisSentinel) content(sentinel *Redis) bool {
	master, err := sentinel.ask("SENTINEL", "MASTER", masterName)
	if err != nil {
		return false
	}
	m := fieldsIn(master.Val())
	replicas, err := sentinel.ask("SENTINEL", "REPLICAS", masterName)
	if err != nil {
		return false
	}
	list, err := replicas.Slice()
	if err != nil || len(list) != 1 || m["flags"] != "master" || m["num-other-sentinels"] != strconv.Itoa(len(s.sentinels)-1) {
		return false
	}
	r := fieldsIn(list[0])
	return r["flags"] == "slave" && r["master-link-status"] == "ok"
}

// fieldsIn reads names and values, which come as a list by the older protocol of Redis
// and as a map by the newer one.
func fieldsIn(reply any) map[string]string {
	fields := make(map[string]string)
	switch reply := reply.(type) {
	case map[any]any:
		for name, value := range reply {
			fields[fmt.Sprint(name)] = fmt.Sprint(value)
		}
	case []any:
		for i := 0; i+1 < len(reply); i += 2 {
			fields[fmt.Sprint(reply[i])] = fmt.Sprint(reply[i+1])
		}
	}
	return fields
}

// CutReplica ends replication and lets it begin anew only at JoinReplica: the master goes
// on, and the replica has nothing of what it is told.
func (s *RedisSentinel) CutReplica() {
	s.t.Helper()
	s.Master().forbidReplicas()
	replica := s.Replica()
	Eventually(s.t, "the replica is cut off", func() bool { return replica.replicates()["master_link_status"] == "down" })
}

// JoinReplica ends a CutReplica.
func (s *RedisSentinel) JoinReplica() {
	s.t.Helper()
	for _, node := range s.nodes {
		if node.running() {
			node.allowReplicas()
		}
	}
}

// ReplaceMaster kills the master and returns the replica when that has taken its place.
func (s *RedisSentinel) ReplaceMaster() *Redis {
	s.t.Helper()
	s.known = s.Master()
	s.known.Kill()
	return s.AwaitPromotion()
}

// Restore starts what does not run, ends a CutReplica, and returns when the master could be
// killed again.
func (s *RedisSentinel) Restore() {
	s.t.Helper()
	for _, server := range slices.Concat(s.nodes, s.sentinels) {
		if !server.running() {
			server.Restart()
		}
	}
	s.JoinReplica()
	s.AwaitSync()
}
