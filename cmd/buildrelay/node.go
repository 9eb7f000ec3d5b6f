package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/api"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/roster"
	"buildrelay/relay/server"
	"buildrelay/relay/transport"
)

// listener is an address to serve on; without TLS where that is nil.
type listener struct {
	address string
	tls     *tls.Config
}

// node is a relay process, wired.
type node struct {
	config    Config
	log       *slog.Logger
	registry  *prometheus.Registry
	apps      *auth.Apps
	appsFile  *appsfile.Watch // nil where the settings describe the one app
	redis     *redisconn.Servers
	broker    *broker.Broker
	roster    *roster.Roster
	webhooks  *webhooks
	cluster   *cluster // nil where nodes need not know each other's sessions
	hub       *relay.Hub
	webSocket *transport.WebSocket
	fallback  *transport.Fallback
	calls     *api.API
	server    *server.Server
	metrics   *server.Server
	stopping  atomic.Bool
	leaving   chan struct{} // closed when clients have had their notice: what lasts ends
	running   *parts
	audit     *auditTrail // nil where none is kept
	recording *parts      // those that end when all others have
	needs     broker.Needs
	unfit     atomic.Pointer[error] // why the Redis that is there is not what a node needs
	systemd   *systemd              // nil where nobody is to be told
	reloads   <-chan os.Signal      // nil where SIGHUP ends the process
}

// newNode wires a node that serves on the given listeners. other serves the paths
// that are not the relay's own; nil means that there are none.
func newNode(c Config, log *slog.Logger, other http.Handler) (*node, error) {
	n := &node{config: c, log: log, registry: prometheus.NewRegistry(), leaving: make(chan struct{}), running: newParts(), recording: newParts()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := metrics.New(n.registry)
	apps, watch, err := c.servedApps(appsfile.Watch{Metrics: m, Log: log})
	if err != nil {
		return nil, err
	}
	n.apps, n.appsFile = apps.Apps, watch
	n.needs = broker.Needs{AppID: apps.first, Replicas: apps.replicas}
	if n.redis, err = redisServers(c); err != nil {
		return nil, err
	}
	if n.audit, err = newAuditTrail(c, n.redis, m, log); err != nil {
		return nil, err
	}
	n.broker = newBroker(c, n.redis, apps, m, log)
	n.roster = newRoster(c, n.redis, apps, m, log)
	if n.webhooks, err = newWebhooks(c, n.redis, apps, n.audit.auditor(), m, log); err != nil {
		return nil, err
	}
	if n.cluster, err = newCluster(c, n.redis, m, log); err != nil {
		return nil, err
	}
	memory, descriptors := processMemory(), transport.ProcessDescriptors()
	n.hub = n.newHub(m, memory)
	entrance := transport.Entrance{
		Hub: n.hub, Apps: n.apps, Metrics: m, Log: log, WriteTimeout: c.WriteTimeout, Auditor: n.audit.auditor(),
		Admission: c.admission(memory, descriptors),
	}
	n.webSocket = &transport.WebSocket{Entrance: entrance}
	fallback := transport.FallbackConfig{Entrance: entrance, Heartbeat: c.heartbeat(), Hostname: c.NodeHostname}
	n.cluster.join(&fallback)
	n.fallback = transport.NewFallback(fallback)
	n.calls = n.api(m)
	n.server = server.New(server.Routes{
		WebSocket: n.webSocket,
		Fallback:  n.fallback,
		SockJS:    transport.SockJS{Fallback: n.fallback},
		API:       n.calls,
		Ready:     n.ready,
		Other:     other,

		Memory: memory, MemoryPercent: c.AcceptTrafficMemory,
	}.Handler(), log)
	n.server.Descriptors = descriptors
	n.state().Register(n.registry)
	operators := n.metricsHandler(memory)
	if err := n.audit.show(operators, c); err != nil {
		return nil, err
	}
	n.metrics = server.New(operators, log)
	return n, nil
}

// newHub makes the core, which stands on the other parts.
func (n *node) newHub(m *metrics.Metrics, memory *server.Memory) *relay.Hub {
	c := n.config
	return relay.New(relay.Config{
		Interest:        n.broker,
		Roster:          n.roster,
		Log:             n.broker,
		Publisher:       n.broker,
		Caches:          n.broker,
		Occurrences:     n.roster,
		Auditor:         n.audit.auditor(),
		Jobs:            n.audit.rules(),
		Controls:        controls(),
		Metrics:         m,
		ActivityTimeout: c.ActivityTimeout,
		PingAfter:       c.PingAfter,
		PongTimeout:     c.PongTimeout,
		FlushWindow:     c.FlushWindow,
		FeedMemory:      feedMemory(c.FeedMemory, memory),
	})
}

func (n *node) api(m *metrics.Metrics) *api.API {
	return &api.API{
		Apps: n.apps, Publisher: n.broker, Occupancy: n.roster, Caches: n.broker, Logs: n.broker,
		Metrics: m, Log: n.log, Now: time.Now, Stopping: n.leaving,
		RefusedCalls: n.config.MaxRefusedCalls, Address: n.config.clientAddress(),
		Auditor: n.audit.auditor(), Reports: n.audit.reports(), Jobs: n.audit.rules(),
	}
}

func (n *node) metricsHandler(memory *server.Memory) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	server.Health(mux, n.ready)
	server.Usage(mux, memory)
	n.profiles(mux)
	return mux
}

// redisServers is where Redis is.
func redisServers(c Config) (*redisconn.Servers, error) {
	roots, err := certPool(c.RedisCAFile)
	if err != nil {
		return nil, fmt.Errorf("RELAY_REDIS_CA_FILE: %w", err)
	}
	servers, err := redisconn.ParseURL(c.RedisURL, roots)
	if err != nil {
		return nil, fmt.Errorf("RELAY_REDIS_URL: %w", err)
	}
	return servers, nil
}

func newRoster(c Config, redis *redisconn.Servers, apps apps, m *metrics.Metrics, log *slog.Logger) *roster.Roster {
	return roster.New(roster.Config{
		Redis: redis, Prefix: c.RedisPrefix, Tells: apps.TellsRoll, Outbox: apps.WantsHook, Metrics: m, Log: log,
	})
}

func newBroker(c Config, redis *redisconn.Servers, apps apps, m *metrics.Metrics, log *slog.Logger) *broker.Broker {
	slanger := broker.Slanger{AnyChannel: c.RedisSlanger == "any"}
	if c.RedisSlanger != "off" {
		slanger.AppID = apps.first
	}
	config := broker.Config{
		Redis: redis, Prefix: c.RedisPrefix, Slanger: slanger, TellsRoll: apps.TellsRoll, CacheTTL: apps.CacheTTL, Metrics: m, Log: log,
	}
	if apps.logs {
		config.LogRule = apps.LogRule
	}
	return broker.New(config)
}

// certPool reads the authorities in a PEM file; nil, for an empty name, means those
// of the system.
func certPool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

func (n *node) ready() error {
	if err := n.serving(); err != nil {
		return err
	}
	if err := n.redisReady(); err != nil {
		return err
	}
	return errors.Join(n.hub.Ready(), n.roster.Ready())
}
