package relaytest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisRole is what makes a server one of several that belong together. A server that
// stands alone has none.
type redisRole struct {
	sentinel, cluster bool
	bus               int // the port on which nodes of a Cluster talk to each other
	// runs says that it has been started: from then on it writes its configuration
	// itself, which tells whose replica it is.
	runs bool
}

func (m *redisRole) keepsConfig() bool { return m != nil && m.runs }

func (m *redisRole) args() []string {
	if m != nil && m.sentinel {
		return []string{"--sentinel"}
	}
	return nil
}

// started is told whether a start succeeded, and returns it.
func (m *redisRole) started(ok bool) bool {
	if m != nil {
		m.runs = m.runs || ok
	}
	return ok
}

// lines are those of the configuration that the server has for what it is.
func (m *redisRole) lines(t testing.TB) []string {
	t.Helper()
	if m != nil && m.sentinel {
		return nil
	}
	lines := []string{`save ""`, "appendonly no", "shutdown-timeout 0", "enable-debug-command local", "protected-mode no"}
	if m == nil {
		return lines
	}
	lines = append(lines, "repl-diskless-sync-delay 0", "repl-ping-replica-period 1", "rdb-del-sync-files yes",
		"user "+replication+" on >"+replication+" +psync +replconf +ping", "masteruser "+replication, "masterauth "+replication)
	if m.cluster {
		m.bus = freePort(t)
		lines = append(lines, "cluster-enabled yes", fmt.Sprintf("cluster-port %d", m.bus))
	}
	return lines
}

// replication is the name and the password with which replicas come to their master.
const replication = "replication"

// newRedisAs is a server that is one of a group, not started yet. What it has outlives a restart if its
// options say so; what it is, always.
func newRedisAs(t testing.TB, m redisRole, options ...RedisOption) *Redis {
	r := newRedis(t, options...)
	r.role = &m
	if r.dir == "" {
		r.dir = t.TempDir()
	}
	if r.certs != nil {
		r.lines = append(r.lines, "tls-replication yes")
	}
	return r
}

// probeTime is how long one of a group has to answer.
const probeTime = time.Second

// ask runs a command and returns what the server answers.
func (r *Redis) ask(args ...any) (*redis.Cmd, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), probeTime)
	defer cancel()
	reply := r.client.Do(ctx, args...)
	return reply, reply.Err()
}

// tell runs a command that must succeed.
func (r *Redis) tell(args ...any) *redis.Cmd {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	reply := r.client.Do(ctx, args...)
	if err := reply.Err(); err != nil && !errors.Is(err, redis.Nil) {
		r.t.Fatalf("%v on %s: %v", args, r.Address(), err)
	}
	return reply
}

// running says that the process has not been ended. It may be frozen.
func (r *Redis) running() bool { return r.process.running() }

// replicates is what INFO says of replication; it is empty where nothing is said.
func (r *Redis) replicates() map[string]string {
	ctx, cancel := context.WithTimeout(r.t.Context(), probeTime)
	defer cancel()
	all, _ := r.client.InfoMap(ctx, "replication").Result()
	return all["Replication"]
}

func (r *Redis) isMaster() bool { return r.replicates()["role"] == "master" }

// inStep says that r is a replica and has come to where its master is.
func (r *Redis) inStep() bool {
	now := r.replicates()
	return now["role"] == "slave" && now["master_link_status"] == "up" && now["master_sync_in_progress"] == "0"
}

// forbidReplicas cuts replicas off the server and lets them in no more.
func (r *Redis) forbidReplicas() {
	r.t.Helper()
	r.tell("ACL", "SETUSER", replication, "off")
	r.tell("CLIENT", "KILL", "TYPE", "replica")
}

// allowReplicas lets replicas in again.
func (r *Redis) allowReplicas() {
	r.t.Helper()
	r.tell("ACL", "SETUSER", replication, "on")
}

// groupPause is how often a group of servers is asked whether it has come to something.
const groupPause = 20 * time.Millisecond

// groupURL is the address of a group of which r is one, for the default user: by those who
// are asked where the others are. kind follows the + of the scheme.
func (r *Redis) groupURL(kind string, asked []*Redis) url.URL {
	u := url.URL{Scheme: "redis" + kind, Host: strings.Join(addresses(asked), ",")}
	if r.certs != nil {
		u.Scheme = "rediss" + kind
	}
	if r.password != "" {
		u.User = url.UserPassword("default", r.password)
	}
	return u
}

func addresses(nodes []*Redis) (all []string) {
	for _, node := range nodes {
		all = append(all, node.Address())
	}
	return all
}
