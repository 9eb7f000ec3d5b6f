package checkup

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

const (
	// slowTrip is what a heartbeat may take to Redis and back without a note, lateTrip without a
	// failure: a node that does not hear one for 2.5 s gives its link up.
	slowTrip, lateTrip = 250 * time.Millisecond, 2 * time.Second
	// mostSkew is how far clocks may be apart.
	mostSkew = 5 * time.Second
	// fullRedis is the percentage of maxmemory from which an end is near.
	fullRedis = 90
)

// Redis is what was measured at one master of Redis.
type Redis struct {
	Address     string
	Trip, Ahead time.Duration
	Used, Most  int64 // bytes; Most is 0 where no maxmemory is known
	// Local says that it is on this machine.
	Local bool
	// Open says that it lets in who shows neither a password nor a certificate, AllRights that the
	// user may do everything.
	Open, AllRights bool
	// Certificate is what it shows, nil without TLS.
	Certificate *x509.Certificate
}

// Masters judges the masters of Redis: redis.latency, redis.clock, redis.memory, redis.user and, of
// those with TLS, redis.expiry, each by the worst of them.
func Masters(all []Redis, now time.Time) []Finding {
	judges := []func(Redis) Finding{latency, clock, memory, user, func(r Redis) Finding { return r.expiry(now) }}
	var findings []Finding
	for _, judge := range judges {
		worst := Finding{}
		for _, r := range all {
			if f := judge(r); f.Grade.rank() > worst.Grade.rank() || worst.Grade == "" {
				worst = f
			}
		}
		if worst.Grade != "" {
			findings = append(findings, worst)
		}
	}
	return findings
}

func latency(r Redis) Finding {
	const name = "redis.latency"
	text := fmt.Sprintf("a heartbeat takes %s to %s and back", r.Trip.Round(10*time.Microsecond), r.Address)
	const near = "put Redis nearer to the nodes, or find what holds it up (SLOWLOG GET)"
	switch {
	case r.Trip >= lateTrip:
		return Failed(name, near, "%s", text)
	case r.Trip >= slowTrip:
		return Noted(name, near, "%s", text)
	default:
		return OK(name, "%s", text)
	}
}

func clock(r Redis) Finding {
	const name = "redis.clock"
	if r.Ahead.Abs() < mostSkew {
		return OK(name, "this machine's clock and that of %s are less than %s apart", r.Address, mostSkew)
	}
	way := "ahead of"
	if r.Ahead < 0 {
		way = "behind"
	}
	return Failed(name, "have both set by NTP: leases, and how long logs are kept, go by them",
		"the clock of %s is %s %s this machine's", r.Address, r.Ahead.Abs().Round(time.Second), way)
}

func memory(r Redis) Finding {
	const name = "redis.memory"
	switch {
	case r.Most == 0:
		return Noted(name, "set maxmemory to what Redis may have: without it the machine ends Redis when memory is short", "no maxmemory is known of %s", r.Address)
	case r.Used*100/r.Most >= fullRedis:
		return Failed(name, "give Redis more memory, or keep logs for a shorter time", "%s has used %d%% of its maxmemory", r.Address, r.Used*100/r.Most)
	default:
		return OK(name, "%s has used %d%% of its maxmemory", r.Address, r.Used*100/r.Most)
	}
}

func (r Redis) expiry(now time.Time) Finding {
	if r.Certificate == nil {
		return Finding{}
	}
	return expiry("redis.expiry", "the certificate of "+r.Address, "give Redis a newer certificate (CONFIG SET tls-cert-file …, or a restart)", r.Certificate, now)
}

func user(r Redis) Finding {
	const name = "redis.user"
	var more []string
	if r.Open {
		more = append(more, "lets in who shows no password (the user default is on)")
	}
	if r.AllRights {
		more = append(more, "lets its user do what no node needs, such as reading its settings")
	}
	const do = "use the ACL file deploy/redis/buildrelay.acl, which has the user default off, and its user relay for nodes"
	switch {
	case len(more) == 0:
		return OK(name, "nobody is let in who shows nothing, and the user may not do everything")
	case r.Open && !r.Local:
		return Failed(name, do, "%s %s", r.Address, strings.Join(more, ", and "))
	default:
		return Noted(name, do, "%s %s", r.Address, strings.Join(more, ", and "))
	}
}
