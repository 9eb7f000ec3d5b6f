package main

import (
	"context"
	"net"
	"strings"
	"time"

	"buildrelay/relay/broker"
	"buildrelay/relay/checkup"
	"buildrelay/relay/loopback"
)

// lookAtRedis does what 'buildrelay redis check' does for nodes, and measures. It tries nothing that a
// node's user may not do: each refusal would stand in Redis' ACL LOG.
func (k *checking) lookAtRedis(ctx context.Context) (found []checkup.Finding) {
	if err := k.connect(); err != nil {
		k.bad["redis"] = true
		return []checkup.Finding{checkup.Failed("redis", readConfig, "%v", err)}
	}
	found = append(found, k.redisTLS())
	needs := broker.Needs{AppID: k.apps.first, Replicas: k.apps.replicas}
	told, err := k.broker.CheckStart(ctx, needs)
	for _, f := range told {
		found = append(found, asCheckup("redis", f))
	}
	if err != nil {
		found = append(found, checkup.Failed("redis", "see docs/OPERATIONS.md, Redis", "Redis cannot be asked: %v", k.redis.Explain(err)))
	}
	if err != nil || reasons(told) != nil {
		k.bad["redis"] = true
		return found
	}
	roster := asCheckup("redis", checkRoster(ctx, k.roster))
	roster.Name = "redis.roster"
	return append(append(found, roster), k.measure(ctx)...)
}

// asCheckup names a finding of the broker's, whose text says what to do as well.
func asCheckup(name string, f broker.Finding) checkup.Finding {
	if f.About != "" {
		name += "." + string(f.About)
	}
	switch f.Grade {
	case broker.Bad:
		return checkup.Failed(name, "see docs/OPERATIONS.md, Redis", "%s", f.Text)
	case broker.Note:
		return checkup.Noted(name, "", "%s", f.Text)
	default:
		return checkup.OK(name, "%s", f.Text)
	}
}

// redisTLS looks whether others could read what nodes and Redis say.
func (k *checking) redisTLS() checkup.Finding {
	if exposed := k.redis.Exposed(); len(exposed) > 0 {
		return checkup.Failed("redis.tls", "give Redis a certificate, and rediss instead of redis in RELAY_REDIS_URL",
			"everybody on the network can read along: Redis is reached without TLS at %s", strings.Join(exposed, ", "))
	}
	return checkup.OK("redis.tls", "Redis is reached by TLS, or on this machine")
}

func (k *checking) measure(ctx context.Context) []checkup.Finding {
	measured, err := k.broker.Measure(ctx)
	if err != nil {
		return []checkup.Finding{checkup.Failed("redis.latency", "see what else is told of Redis", "%v", k.redis.Explain(err))}
	}
	var unseen []checkup.Finding
	all := make([]checkup.Redis, len(measured))
	for i, m := range measured {
		host, _, _ := net.SplitHostPort(m.Address) // it is one by which somebody connected
		certificate, err := k.redis.Certificate(ctx, m.Address)
		if err != nil {
			unseen = append(unseen, checkup.Failed("redis.expiry", "try again", "the certificate of %s could not be seen: %v", m.Address, k.redis.Explain(err)))
		}
		all[i] = checkup.Redis{
			Address: m.Address, Trip: m.Trip, Ahead: m.Ahead, Used: m.Used, Most: m.Most,
			Open: m.Open, AllRights: m.AllRights, Local: loopback.IsHost(host), Certificate: certificate,
		}
	}
	return append(checkup.Masters(all, time.Now()), unseen...)
}
