package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/broker"
	"buildrelay/relay/checkup"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/roster"
	"buildrelay/relay/server"
)

const (
	// sectionTime is how long one section may take, but those that are slow on purpose.
	sectionTime = 20 * time.Second
	// siteTime is that of the section which does what browsers do: TLS, /readyz, a WebSocket, an
	// event, a log and an answer that goes on may each take all of their time.
	siteTime = 6 * visitTime
)

// checking is one look at whether an installation is well made.
type checking struct {
	config  Config
	environ map[string]string
	flags   checkFlags
	roots   *x509.CertPool // of the flag ca-file, nil for the system's
	node    *node          // which looks at itself; nil where a command looks
	memory  *server.Memory
	keysErr error // why KEYS_FILE, and what is sealed, cannot be read
	builtIn bool  // a node brings its own Redis, as soketi's settings without one have it

	// What sections find for later ones. Those that need it say so.
	bad    map[string]bool // what cannot be used, by kinds of settings
	list   []auth.App
	apps   apps
	redis  *redisconn.Servers
	broker *broker.Broker
	roster *roster.Roster
	site   *site // where the relay is; nil where it does not answer
}

// section looks at one thing.
type section struct {
	needs string // the kind of settings that it is of no use without; "" for none
	look  func(context.Context) []checkup.Finding
	time  time.Duration // how long it may take; 0 is sectionTime
}

// newChecking reads the settings for the command. The error says that they cannot be read.
func newChecking(ctx context.Context, f checkFlags, environ []string) (*checking, error) {
	c, soketi, err := loadWithSoketi(environ)
	if err != nil {
		return nil, err
	}
	if _, err := f.address(); err != nil {
		return nil, err
	}
	k := &checking{config: c, environ: env.ToMap(environ), flags: f, memory: processMemory(), builtIn: soketi.builtInRedis, bad: make(map[string]bool)}
	for name, value := range soketi.values {
		k.environ[name] = value
	}
	if k.roots, err = certPool(f.caFile); err != nil {
		return nil, err
	}
	k.keysErr = k.config.loadKeys(ctx)
	return k, nil
}

// close lets go of what a command has made for itself.
func (k *checking) close() {
	if k.node == nil && k.redis != nil {
		_ = k.redis.Close() // nobody is asked any more
	}
}

// sections are in the order in which they need each other.
func (k *checking) sections() []section {
	return []section{
		{look: k.lookAtSettings},
		{look: k.lookAtUnknown},
		{look: k.lookAtKeys},
		{needs: "apps", look: k.lookAtApps},
		{look: k.lookAtFiles},
		{needs: "apps", look: k.lookAtSecrets},
		{look: k.lookAtProcess},
		{needs: "tls", look: k.lookAtTLS},
		{needs: "operators", look: k.lookAtOperators},
		{needs: "auth", look: k.lookAtAuth},
		{needs: "audit", look: k.lookAtAudit},
		{needs: "redis", look: k.lookAtRedis},
		{needs: "apps", look: k.lookAtSite, time: siteTime},
		{needs: "redis", look: k.lookAtNodes},
	}
}

// run looks at all there is, one after the other.
func (k *checking) run(ctx context.Context) (found []checkup.Finding) {
	for _, s := range k.sections() {
		if s.needs != "" && k.bad[s.needs] || ctx.Err() != nil {
			continue
		}
		found = append(found, k.runSection(ctx, s)...)
	}
	if ctx.Err() != nil {
		found = append(found, checkup.Failed("check", "run it again", "it was broken off, and not all was looked at"))
	}
	return found
}

func (k *checking) runSection(ctx context.Context, s section) []checkup.Finding {
	patience := cmp.Or(s.time, sectionTime)
	if k.flags.slow {
		patience += slowTime + k.idleTime()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.look(ctx)
}

// slowTime is how long what is slow may take beside the silence of a connection.
const slowTime = 5 * time.Minute

// idleTime is how long the relay's ping may take to come to a connection that is silent.
func (k *checking) idleTime() time.Duration { return 2*k.config.PingAfter + sectionTime }

// connect makes what asks Redis, for a command.
func (k *checking) connect() error {
	if k.redis != nil {
		return nil
	}
	servers, err := redisServers(k.config)
	if err != nil {
		return err
	}
	if k.apps.Apps == nil {
		return errors.New("no app is known")
	}
	m, quiet := metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)
	k.redis, k.broker, k.roster = servers, newBroker(k.config, servers, k.apps, m, quiet), newRoster(k.config, servers, k.apps, m, quiet)
	return nil
}
