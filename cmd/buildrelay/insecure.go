package main

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"buildrelay/relay/audit"
)

// remindEvery is the time between two warnings of what is not secure.
const remindEvery = time.Hour

// insecurity is something that others on the network may read along.
type insecurity struct {
	what    string // as the metric calls it
	setting string
	reason  string
	address string
}

// exposed is what was found when the node began to serve.
type exposed struct{ found atomic.Pointer[[]insecurity] }

// reasons are for people. Anybody may ask.
func (e *exposed) reasons() (all []string) {
	if found := e.found.Load(); found != nil {
		for _, i := range *found {
			all = append(all, i.reason+" ("+i.setting+")")
		}
	}
	return all
}

// insecurities are those of a node with these listeners. Somebody has chosen them; so that
// nobody forgets it they are told in the log, again and again, in the audit trail and in a
// metric.
func (n *node) insecurities(listeners []listener) []insecurity {
	found := plain(listeners)
	if address := n.config.MetricsListen; address != "" && !bool(n.config.MetricsTLS) && n.config.AdminToken != "" && !isLoopback(address) {
		found = append(found, insecurity{"operators", "RELAY_METRICS_TLS", "taking the token of operators without TLS", address})
	}
	if addresses := n.redis.Exposed(); len(addresses) > 0 {
		found = append(found, insecurity{"redis", "RELAY_REDIS_URL", "talking to Redis without TLS", strings.Join(addresses, ",")})
	}
	if host := n.config.plainAuthHost(); host != "" {
		found = append(found, insecurity{"auth", "RELAY_AUTH_URL", "sending users' credentials without TLS", host})
	}
	return found
}

// plain are the listeners without TLS beyond this machine.
func plain(listeners []listener) (found []insecurity) {
	for _, l := range listeners {
		if l.tls == nil && !isLoopback(l.address) {
			found = append(found, insecurity{"listener", "RELAY_TLS", "serving without TLS", l.address})
		}
	}
	return found
}

func warnOf(found []insecurity, log *slog.Logger) {
	for _, i := range found {
		log.Warn("NOT SECURE: everybody on the network can read along", "what", i.reason, "address", i.address, "setting", i.setting)
	}
}

// startReminding tells what is not secure: once in the trail and the metric, and again and
// again in the log until core ends.
func (n *node) startReminding(core context.Context, found []insecurity) {
	for _, what := range []string{"listener", "operators", "redis", "auth"} {
		n.access.Insecure.WithLabelValues(what).Set(0)
	}
	n.exposed.found.Store(&found)
	for _, i := range found {
		n.access.Insecure.WithLabelValues(i.what).Set(1)
		n.audit.note(audit.ActionServerInsecure, audit.ServerInsecure{Setting: i.setting, Reason: i.reason})
	}
	if len(found) > 0 {
		n.running.run("reminder", func() { n.remind(core, found, remindEvery) })
	}
}

// remind warns of what is not secure, at once and then every so often until ctx ends.
func (n *node) remind(ctx context.Context, found []insecurity, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	for {
		warnOf(found, n.log)
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}
