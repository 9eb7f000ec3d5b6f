package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/registry"
	"buildrelay/relay/tlsfiles"
	"buildrelay/relay/transport"
)

// leastClusterSecret is the least length of the secret that nodes share, in bytes.
const leastClusterSecret = 32

// hostname is a name as it may stand in a URL, without a port.
var hostname = regexp.MustCompile(`^[0-9A-Za-z_-]+(\.[0-9A-Za-z_-]+)*$`)

func (c *Config) checkCluster() error {
	var errs []error
	if c.NodeHostname != "" && (len(c.NodeHostname) > 253 || !hostname.MatchString(c.NodeHostname)) {
		errs = append(errs, fmt.Errorf("RELAY_NODE_HOSTNAME is %q: it must be a host name alone, such as node3.example.com", c.NodeHostname))
	}
	if c.NodeURL == "" {
		return errors.Join(append(errs, c.checkNoCluster())...)
	}
	if _, err := registry.ParseURL(c.NodeURL); err != nil {
		errs = append(errs, fmt.Errorf("RELAY_NODE_URL: %w", err))
	}
	switch n := len(c.ClusterSecret); {
	case n == 0:
		errs = append(errs, errors.New("RELAY_CLUSTER_SECRET is not set: RELAY_NODE_URL needs a secret that all nodes share (or unset that)"))
	case n < leastClusterSecret:
		errs = append(errs, fmt.Errorf("RELAY_CLUSTER_SECRET has %d characters: it must have at least %d, and be random", n, leastClusterSecret))
	}
	if c.NodeCAFile != "" && !strings.HasPrefix(c.NodeURL, "https:") {
		errs = append(errs, errors.New("RELAY_NODE_CA_FILE is of no use: RELAY_NODE_URL does not begin with https://"))
	}
	return errors.Join(errs...)
}

// checkNoCluster tells what is set in vain where there is no RELAY_NODE_URL.
func (c *Config) checkNoCluster() error {
	var errs []error
	for name, set := range map[string]bool{"CLUSTER_SECRET": c.ClusterSecret != "", "NODE_CA_FILE": c.NodeCAFile != ""} {
		if set {
			errs = append(errs, fmt.Errorf("%s%s is of no use without RELAY_NODE_URL", prefix, name))
		}
	}
	return errors.Join(errs...)
}

// cluster is what makes nodes serve each other's sessions. A nil cluster is that of a node
// which is alone, or whose balancer keeps clients at one node.
type cluster struct {
	registry *registry.Registry
	peers    *transport.Peers
}

// newCluster has watch look after the file with the nodes' authorities.
func newCluster(c Config, redis *redisconn.Servers, watch func(...any), m *metrics.Metrics, log *slog.Logger) (*cluster, error) {
	if c.NodeURL == "" {
		return nil, nil
	}
	url, err := registry.ParseURL(c.NodeURL)
	if err != nil {
		return nil, fmt.Errorf("RELAY_NODE_URL: %w", err)
	}
	authorities, err := tlsfiles.LoadAuthorities("node_authorities", c.NodeCAFile)
	if err != nil {
		return nil, wrong("NODE_CA_FILE", err)
	}
	watch(authorities)
	nodes := auth.NewCluster(c.ClusterSecret)
	return &cluster{
		registry: registry.New(registry.Config{
			Redis: redis, Prefix: sessionPrefix(c, redis), URL: url, Cluster: nodes, Metrics: m, Log: log,
		}),
		peers: transport.NewPeers(transport.PeersConfig{
			Cluster: nodes, Metrics: m, Log: log, RootCAs: authorities.Pool,
			WriteTimeout: c.WriteTimeout, Silence: max(c.heartbeat(), c.WriteTimeout) + peerMargin,
		}),
	}, nil
}

// peerMargin is how much later than it should another node may say something.
const peerMargin = 10 * time.Second

// heartbeat is the silence after which clients without WebSockets are shown a sign of life.
func (c *Config) heartbeat() time.Duration { return min(transport.Heartbeat, c.PingAfter) }

// join has a node's clients without WebSockets served together with the other nodes.
func (c *cluster) join(config *transport.FallbackConfig) {
	if c != nil {
		config.Owners, config.Peers = c.registry, c.peers
	}
}

// leave sends the clients elsewhere whose sessions are on other nodes. It comes right before
// nothing is accepted any more.
func (c *cluster) leave() {
	if c != nil {
		c.peers.Leave()
	}
}

// run keeps Redis told until ctx ends, and then gives all sessions up.
func (c *cluster) run(ctx context.Context) {
	if c != nil {
		c.registry.Run(ctx)
		c.peers.Close()
	}
}

// sessionPrefix begins the names of the keys of sessions. In a Cluster all are in one slot,
// so that what loses one of them loses the mark among them, too.
func sessionPrefix(c Config, redis *redisconn.Servers) string {
	if redis.IsCluster() {
		return c.RedisPrefix + ":{~http}"
	}
	return c.RedisPrefix
}
