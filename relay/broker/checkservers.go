package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// What INFO calls things of today by their old names.
const (
	infoReplicas = "connected_slaves"
	infoLeast    = "min_slaves_good_slaves" // there where min-replicas-to-write is set
)

// checkServers finds out what the masters are. The error says that it could not be found
// out by now: Redis is away, or not ready.
func (b *Broker) checkServers(ctx context.Context, needs Needs) ([]Finding, error) {
	m, err := b.config.Redis.Look(ctx)
	if err != nil {
		return b.misnamed(err)
	}
	return b.eachMaster(m, func(address string, client *redis.Client) ([]Finding, error) {
		info, err := askInfo(ctx, client)
		switch {
		case redisconn.IsReply(err, "NOPERM"):
			return []Finding{note("the user may not ask INFO, so that neither version, eviction nor persistence can be told")}, nil
		case isRefusal(err):
			return []Finding{stops("Redis cannot be asked: " + oneLine(err))}, nil
		case err != nil && onlyReplies(err) && !isPassing(err):
			return []Finding{note("Redis tells nothing of itself: " + oneLine(err))}, nil
		case err != nil:
			return nil, fmt.Errorf("asking %s: %w", address, err)
		}
		return b.checkServer(info, needs), nil
	})
}

// eachMaster puts together what is found out about each master. What holds for all of them
// is told once.
func (b *Broker) eachMaster(m *redisconn.Map, check func(address string, client *redis.Client) ([]Finding, error)) ([]Finding, error) {
	all := make(map[Finding]int)
	var order []Finding
	var of []string
	for _, address := range m.Masters() {
		client, err := b.pool.At(m, address)
		if err != nil {
			return nil, err
		}
		found, err := check(address, client)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			all[f]++
			order, of = append(order, f), append(of, address)
		}
	}
	var merged []Finding
	for i, f := range order {
		switch all[f] {
		case len(m.Masters()):
			merged = append(merged, f)
			all[f] = 0
		case 0: // is told
		default:
			f.Text = of[i] + ": " + f.Text
			merged = append(merged, f)
		}
	}
	return merged, nil
}

// misnamed says what is wrong with where Redis is said to be, if it is that for which the
// masters are not known.
func (b *Broker) misnamed(err error) ([]Finding, error) {
	text := err.Error()
	switch {
	case !onlyReplies(err):
		return nil, err
	case strings.Contains(text, "cluster support disabled"),
		b.config.Redis.IsCluster() && strings.Contains(text, "unknown command"):
		return []Finding{stops("what is given as redis+cluster:// is no Redis Cluster: one server is given as redis://host:port/db, Sentinels as redis+sentinel://host:port,…/MASTER (" + text + ")")}, nil
	case strings.Contains(text, "unknown command"):
		return []Finding{stops("what is given as redis+sentinel:// are no Sentinels: one server is given as redis://host:port/db, a Cluster as redis+cluster://host:port,… (" + text + ")")}, nil
	case strings.Contains(text, "No such master"):
		return []Finding{stops("the Sentinels know no master of the name that redis+sentinel://host:port,…/MASTER ends with (" + text + ")")}, nil
	case isRefusal(err), strings.Contains(text, "NOPERM"):
		return []Finding{stops("who the masters are cannot be asked: " + oneLine(err))}, nil
	default:
		return nil, err
	}
}

// onlyReplies says whether all errors in err are answers: somebody was there.
func onlyReplies(err error) bool {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			if !onlyReplies(e) {
				return false
			}
		}
		return true
	}
	if inner := errors.Unwrap(err); inner != nil {
		return onlyReplies(inner)
	}
	var reply redis.Error
	return errors.As(err, &reply)
}

// isRefusal says whether Redis does not let the user in.
func isRefusal(err error) bool {
	for _, code := range []string{"WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password", "ERR Client sent AUTH"} {
		if redisconn.IsReply(err, code) {
			return true
		}
	}
	return false
}

// isPassing says whether Redis answers so for a while only: it is not ready yet, runs
// somebody's slow script, or has too many clients.
func isPassing(err error) bool {
	return redisconn.IsNotDone(err) || redisconn.IsReply(err, "BUSY") || redisconn.IsReply(err, "ERR max number of clients")
}

// askInfo asks a server about itself.
func askInfo(ctx context.Context, client *redis.Client) (map[string]string, error) {
	text, err := client.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	return info, nil
}

// checkServer says what is to be said of a server that names itself a master.
func (b *Broker) checkServer(info map[string]string, needs Needs) []Finding {
	if f, wrong := b.checkKind(info); wrong {
		return []Finding{f.about(AboutKind)}
	}
	found := []Finding{checkVersion(info).about(AboutVersion)}
	if role := info["role"]; role != "" && role != "master" {
		f := stops("it is a replica: give the address of the master, or those of Sentinels, as redis+sentinel://host:port,…/MASTER")
		if !b.config.Redis.IsSingle() { // it is being replaced, or was a moment ago
			f.Start = Warns
		}
		found = append(found, f.about(AboutKind))
	}
	found = append(found, b.checkEviction(info).about(AboutEviction), b.checkPersistence(info).about(AboutPersistence))
	for _, f := range b.checkReplicas(info, needs) {
		found = append(found, f.about(AboutReplicas))
	}
	return found
}

// checkKind says whether what is given as one server is something else.
func (b *Broker) checkKind(info map[string]string) (f Finding, wrong bool) {
	switch mode := info["redis_mode"]; {
	case !b.config.Redis.IsSingle():
		return f, false
	case mode == "cluster":
		return stops("what is given as redis:// is a server of a Redis Cluster: that is given as redis+cluster://host:port,…"), true
	case mode == "sentinel":
		return stops("what is given as redis:// is a Sentinel: those are given as redis+sentinel://host:port,…/MASTER"), true
	default:
		return f, false
	}
}

const leastVersion = 7

func checkVersion(info map[string]string) Finding {
	version := info["redis_version"]
	major, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(major)
	switch {
	case version == "":
		return note(fmt.Sprintf("Redis does not tell its version: it must be %d or later", leastVersion))
	case err != nil || n < leastVersion:
		return stops(fmt.Sprintf("Redis is of version %q: it must be %d or later", version, leastVersion))
	default:
		return good("Redis " + version)
	}
}

// evicts says what Redis drops when it is full, empty where it drops nothing.
func evicts(info map[string]string) string {
	if policy := info["maxmemory_policy"]; policy != "noeviction" && info["maxmemory"] != "0" {
		return policy
	}
	return ""
}

const evictionCost = "a full Redis drops whole logs, and their readers are told gaps; set it to noeviction"

func (b *Broker) checkEviction(info map[string]string) Finding {
	switch {
	case info["maxmemory_policy"] == "":
		return note("Redis does not tell its maxmemory-policy: it must be noeviction")
	case evicts(info) != "":
		f := b.ofLogs("maxmemory-policy is " + evicts(info) + ": " + evictionCost)
		f.Start = Warns // who is there, and last events, may be dropped as well
		return f
	case info["maxmemory"] == "0":
		return good("maxmemory is not set, so that no log is evicted")
	default:
		return good("maxmemory-policy is noeviction: when Redis is full, appends are refused and logs stay whole")
	}
}

func (b *Broker) checkPersistence(info map[string]string) Finding {
	if info["aof_enabled"] == "1" {
		return good("appendonly is on: logs outlast a restart of Redis")
	}
	f := note("appendonly is off: a restart of Redis loses the logs since its last snapshot, or all, and readers are told gaps")
	if b.config.LogRule != nil {
		f.Start = Warns
	}
	return f
}

// checkReplicas says whether there are as many replicas as rules for logs ask for, and
// whether a master that was cut off from them stops.
func (b *Broker) checkReplicas(info map[string]string, needs Needs) (found []Finding) {
	n, err := strconv.Atoi(info[infoReplicas])
	if err != nil {
		return nil
	}
	switch {
	case n < needs.Replicas:
		found = append(found, Finding{Grade: Bad, Text: fmt.Sprintf("a rule for logs has replicas=%d, and %d are connected: appends are answered by 503", needs.Replicas, n), Start: Warns})
	case needs.Replicas > 0:
		found = append(found, good(fmt.Sprintf("%d replicas are connected, and rules for logs ask for %d", n, needs.Replicas)))
	}
	if _, least := info[infoLeast]; n > 0 && !least {
		found = append(found, Finding{Grade: Note, Text: "min-replicas-to-write is 0: a master that is cut off takes events which are lost when another one takes its place; set it to 1", Start: Warns})
	}
	return found
}
