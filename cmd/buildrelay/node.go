package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
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
	"buildrelay/relay/seal"
	"buildrelay/relay/server"
	"buildrelay/relay/transport"
)

// listener is an address to serve on; without TLS where that, and what is shown, is nil.
type listener struct {
	address string
	tls     *tls.Config
	shown   *shown
	open    *transport.Listener // nil where address is still to be opened
}

// listen has s serve at l with config, and returns the address with the port that it got.
func (l listener) listen(ctx context.Context, s *server.Server, config *tls.Config) (net.Addr, error) {
	if l.open == nil {
		return s.Listen(ctx, l.address, config)
	}
	s.Add(l.open, config)
	return l.open.Addr(), nil
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
	masking   *masking
	webSocket *transport.WebSocket
	fallback  *transport.Fallback
	calls     *api.API
	server    *server.Server
	metrics   *server.Server
	stopping  atomic.Bool
	leaving   chan struct{} // closed when clients have had their notice: what lasts ends
	operators listener      // of metrics; without an address there is none
	first     listener      // with the address that it has, once it is there
	rollCall  *rollCall
	// revocations are what nodes tell each other of decisions that count no more.
	revocations *revocations
	running     *parts
	audit       *auditTrail // nil where none is kept
	recording   *parts      // those that end when all others have
	needs       broker.Needs
	unfit       atomic.Pointer[error] // why the Redis that is there is not what a node needs
	systemd     *systemd              // nil where nobody is to be told
	reloads     <-chan os.Signal      // nil where SIGHUP ends the process

	certificates *certificates
	clients      clients
	access       metrics.Access
	exposed      exposed
	keysFile     seal.Watching
}

// newNode wires a node that serves on the given listeners. other serves the paths
// that are not the relay's own; nil means that there are none.
func newNode(c Config, log *slog.Logger, other http.Handler) (*node, error) {
	n := &node{config: c, log: log, registry: prometheus.NewRegistry(), leaving: make(chan struct{}), running: newParts(), recording: newParts()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := metrics.New(n.registry)
	n.certificates, n.keysFile = newCertificates(m, log, c.sealing.authorities), seal.Watching{Metrics: m, Log: log}
	apps, watch, err := c.servedApps(appsfile.Watch{Metrics: m, Log: log})
	if err != nil {
		return nil, err
	}
	n.apps, n.appsFile = apps.Apps, watch
	n.needs = broker.Needs{AppID: apps.first, Replicas: apps.replicas}
	if n.redis, err = connectRedis(c, n.certificates.add); err != nil {
		return nil, err
	}
	if n.clients, err = newClients(c, n.certificates.add); err != nil {
		return nil, err
	}
	n.access = m.Access
	if n.audit, err = newAuditTrail(c, n.redis, m, log); err != nil {
		return nil, err
	}
	n.certificates.audit = n.audit
	n.broker = n.newBroker(apps, m)
	n.roster = newRoster(c, n.redis, apps, m, log)
	if n.webhooks, err = newWebhooks(c, n.redis, apps, n.audit.auditor(), m, log); err != nil {
		return nil, err
	}
	if n.cluster, err = newCluster(c, n.redis, n.certificates.add, m, log); err != nil {
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
	if n.server, err = n.newServer(m, memory, other); err != nil {
		return nil, err
	}
	n.server.Descriptors = descriptors
	n.state().Register(n.registry)
	operators := n.metricsHandler(memory)
	trail, err := n.audit.show(operators, c, n.exposed.reasons)
	if err != nil {
		return nil, err
	}
	n.metrics, n.operators = server.New(n.guarded(operators, trail), log), listener{address: c.MetricsListen}
	return n, nil
}

// newHub makes the core, which stands on the other parts.
func (n *node) newHub(m *metrics.Metrics, memory *server.Memory) *relay.Hub {
	c := n.config
	n.revocations.hub = relay.New(relay.Config{
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
		ReconnectWindow: c.DrainWindow,
		Revocations:     n.revocations.known,
		Uses:            &n.apps.Uses,
	})
	return n.revocations.hub
}

// newServer makes what clients and callers come to. other is as in newNode.
func (n *node) newServer(m *metrics.Metrics, memory *server.Memory, other http.Handler) (*server.Server, error) {
	authorizing, err := n.newAuthorizing(m)
	if err != nil {
		return nil, err
	}
	n.calls = n.api(m)
	return server.New(n.rollCall.watchForwarders(server.Routes{
		WebSocket: n.webSocket,
		Fallback:  n.fallback,
		SockJS:    transport.SockJS{Fallback: n.fallback},
		API:       n.calls,
		Channels:  authorizing.channels(),
		Users:     authorizing.users(),
		Ready:     n.ready,
		Other:     other,

		Memory: memory, MemoryPercent: n.config.AcceptTrafficMemory,
	}.Handler()), n.log), nil
}

func (n *node) api(m *metrics.Metrics) *api.API {
	return &api.API{
		Apps: n.apps, Publisher: n.broker, Occupancy: n.roster, Caches: n.broker, Logs: n.broker,
		Metrics: m, Log: n.log, Now: time.Now, Stopping: n.leaving,
		RefusedCalls: n.config.MaxRefusedCalls, Address: n.config.clientAddress(), Clients: n.clients.api,
		Auditor: n.audit.auditor(), Reports: n.audit.reports(), Jobs: n.audit.rules(),
		Masks: n.broker, Revocations: n.revocations,
	}
}

func (n *node) metricsHandler(memory *server.Memory) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	server.Health(mux, n.ready)
	server.Usage(mux, memory)
	server.Profiles(mux)
	mux.HandleFunc("GET /keys", n.serveKeys)
	mux.Handle("GET /check", n.newSelfCheck(memory))
	return mux
}

func newRoster(c Config, redis *redisconn.Servers, apps apps, m *metrics.Metrics, log *slog.Logger) *roster.Roster {
	return roster.New(roster.Config{
		Redis: redis, Prefix: c.RedisPrefix, Tells: apps.TellsRoll, Outbox: apps.WantsHook, Metrics: m, Log: log,
	})
}

// newBroker makes the node's broker, with what it hears beside channels.
func (n *node) newBroker(apps apps, m *metrics.Metrics) *broker.Broker {
	config := brokerConfig(n.config, n.redis, apps, m, n.log)
	n.masking = n.newMasking(n.config.sealing.keys, apps.MaskRules, m, n.log)
	config.Masks, config.Apps = n.masking, func() []string { return slices.Collect(apps.IDs()) }
	n.rollCall = newRollCall(&n.config)
	n.revocations = newRevocations(config.Apps, m, n.log)
	config.Topics = append(config.Topics, broker.Topic{Name: maskedTopic, Hear: n.hearMasked}, n.rollCall.topic(), n.revocations.topic())
	b := broker.New(config)
	n.rollCall.broker, n.revocations.broker = b, b
	return b
}

// newBroker makes that of a command, which publishes and reads without a node: it masks nothing.
func newBroker(c Config, redis *redisconn.Servers, apps apps, m *metrics.Metrics, log *slog.Logger) *broker.Broker {
	return broker.New(brokerConfig(c, redis, apps, m, log))
}

func brokerConfig(c Config, redis *redisconn.Servers, apps apps, m *metrics.Metrics, log *slog.Logger) broker.Config {
	slanger := broker.Slanger{AnyChannel: c.RedisSlanger == "any"}
	if c.RedisSlanger != "off" {
		slanger.AppID = apps.first
	}
	config := broker.Config{
		Redis: redis, Prefix: c.RedisPrefix, Slanger: slanger, TellsRoll: apps.TellsRoll, CacheTTL: apps.CacheTTL, Metrics: m, Log: log,
		Seal: apps.Seal, Keys: c.sealing.keys,
	}
	if apps.logs {
		config.LogRule = apps.LogRule
	}
	return config
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
