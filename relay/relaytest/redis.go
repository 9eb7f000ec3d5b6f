package relaytest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Redis is a redis-server process of a test's own, on loopback. Without RedisKeeps or
// RedisSnapshots it has nothing on disk: a restart loses all.
type Redis struct {
	t        testing.TB
	host     string
	port     int
	password string
	certs    *Certs // nil without TLS
	lines    []string
	dir      string // where it keeps what it has; empty for a new one at each start
	// role says what it is in a group of servers, nil for one that stands alone.
	role *redisRole
	// command runs a program where the server is to run.
	command func(program string, args ...string) *exec.Cmd
	process *child
	client  *redis.Client
}

// RedisOption changes the server that StartRedis starts.
type RedisOption func(*Redis)

// RedisPassword demands a password of the default user.
func RedisPassword(password string) RedisOption {
	return func(r *Redis) {
		r.password = password
		r.lines = append(r.lines, "requirepass "+password)
	}
}

// RedisUser adds an ACL user; rules are Redis', such as "on", ">password",
// "&buildrelay:*", "+@all".
func RedisUser(name string, rules ...string) RedisOption {
	return func(r *Redis) {
		r.lines = append(r.lines, "user "+name+" "+strings.Join(rules, " "))
	}
}

// RedisTLS makes it speak TLS only, with a certificate for 127.0.0.1.
func RedisTLS(certs *Certs) RedisOption {
	return func(r *Redis) { r.certs = certs }
}

// RedisKeeps makes it write what it is told to a file at once, before it answers, so
// that a restart or a kill loses nothing. Nothing is synced: with everysec Redis holds
// writes back while a sync is slow.
func RedisKeeps() RedisOption {
	return func(r *Redis) {
		r.dir = r.t.TempDir()
		r.lines = append(r.lines, "appendonly yes", "appendfsync no")
	}
}

// RedisSnapshots makes it come back from a restart or a kill with what it had at the
// last SAVE.
func RedisSnapshots() RedisOption {
	return func(r *Redis) { r.dir = r.t.TempDir() }
}

// RedisSettings adds lines of redis.conf.
func RedisSettings(lines ...string) RedisOption {
	return func(r *Redis) { r.lines = append(r.lines, lines...) }
}

// StartRedis starts redis-server on a free port and returns when it answers.
func StartRedis(t testing.TB, options ...RedisOption) *Redis {
	t.Helper()
	r := newRedis(t, options...)
	r.launch()
	return r
}

func newRedis(t testing.TB, options ...RedisOption) *Redis {
	r := &Redis{t: t, host: "127.0.0.1", command: exec.Command}
	for _, option := range options {
		option(r)
	}
	return r
}

// launch starts the server for the first time.
func (r *Redis) launch() {
	r.t.Helper()
	for range 5 {
		r.port = freePort(r.t)
		if r.start() {
			r.connect()
			return
		}
	}
	r.t.Fatalf("redis-server did not start:\n%s", r.process.said())
}

// URL is the server's address for the default user.
func (r *Redis) URL() string {
	if r.password == "" {
		return r.URLFor("", "")
	}
	return r.URLFor("default", r.password)
}

// URLFor is the server's address for a user; without a name it has none.
func (r *Redis) URLFor(user, password string) string {
	u := url.URL{Scheme: "redis", Host: r.Address(), Path: "/0"}
	if r.certs != nil {
		u.Scheme = "rediss"
	}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Address is the server's host and port.
func (r *Redis) Address() string { return fmt.Sprintf("%s:%d", r.host, r.port) }

// Client is a client of the default user. It connects anew after a restart.
func (r *Redis) Client() *redis.Client { return r.client }

// Stop ends the server as an operator would.
func (r *Redis) Stop() {
	r.t.Helper()
	if !r.process.stop(syscall.SIGTERM) {
		r.t.Errorf("redis-server did not stop:\n%s", r.process.said())
	}
}

// Kill ends the server as the kernel would.
func (r *Redis) Kill() { r.process.stop(os.Kill) }

// Wipe is Kill, and nothing is left on disk either: after a Restart the server has
// nothing.
func (r *Redis) Wipe() {
	r.t.Helper()
	r.Kill()
	if r.dir == "" {
		return
	}
	for _, what := range []string{"appendonlydir", "dump.rdb"} {
		if err := os.RemoveAll(filepath.Join(r.dir, what)); err != nil {
			r.t.Fatalf("wiping Redis' files: %v", err)
		}
	}
}

// Restart stops the server, if it runs, and starts one on the same port that has what
// is on disk.
func (r *Redis) Restart() {
	r.t.Helper()
	r.Stop()
	if !r.start() {
		r.t.Fatalf("redis-server did not start again:\n%s", r.process.said())
	}
}

// Freeze makes the server go silent without closing its connections, as a link
// that swallows everything does, until Thaw.
func (r *Redis) Freeze() { r.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (r *Redis) Thaw() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s os.Signal) {
	r.t.Helper()
	if err := r.process.cmd.Process.Signal(s); err != nil {
		r.t.Fatalf("sending %v to redis-server: %v", s, err)
	}
}

// start reports whether the server is ready; if not, its port was taken.
func (r *Redis) start() bool {
	r.t.Helper()
	dir := r.dir
	if dir == "" {
		dir = r.t.TempDir()
	}
	r.repair()
	config := filepath.Join(dir, "redis.conf")
	if !r.role.keepsConfig() {
		if err := os.WriteFile(config, []byte(r.config(dir)), 0o600); err != nil {
			r.t.Fatalf("writing Redis' configuration: %v", err)
		}
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		r.t.Fatal("redis-server is not installed: run .ci/setup redis")
	}
	r.process = startChild(r.t, "redis-server", r.command(program, append([]string{config}, r.role.args()...)...))
	decided := func(line string) bool {
		return strings.Contains(line, "Ready to accept connections") || strings.Contains(line, "Sentinel ID is") ||
			strings.Contains(line, "Failed listening")
	}
	line, _ := r.process.expectLine(r.t, r.process.stdout, "its start", 0, decided)
	return r.role.started(!strings.Contains(line, "Failed listening"))
}

// repair drops the half of a transaction that a kill may have left at the end of the
// file. Redis itself drops its last, broken command alone, and puts what it writes next
// into the transaction, so that the start after the next loses that
// (github.com/valkey-io/valkey/pull/4342).
func (r *Redis) repair() {
	r.t.Helper()
	manifest := filepath.Join(r.dir, "appendonlydir", "appendonly.aof.manifest")
	if _, err := os.Stat(manifest); r.dir == "" || err != nil {
		return // nothing was written
	}
	check := exec.Command("redis-check-aof", "--fix", manifest)
	check.Stdin = strings.NewReader("y\n")
	if output, err := check.CombinedOutput(); err != nil {
		r.t.Fatalf("redis-check-aof: %v\n%s", err, output)
	}
}

func (r *Redis) config(dir string) string {
	lines := append([]string{"bind " + r.host, "dir " + dir}, r.role.lines(r.t)...)
	if r.certs == nil {
		lines = append(lines, fmt.Sprintf("port %d", r.port))
	} else {
		lines = append(lines, "port 0", fmt.Sprintf("tls-port %d", r.port), "tls-auth-clients no",
			"tls-cert-file "+r.certs.CertFile, "tls-key-file "+r.certs.KeyFile, "tls-ca-cert-file "+r.certs.CAFile)
	}
	return strings.Join(append(lines, r.lines...), "\n") + "\n"
}

func (r *Redis) connect() {
	r.t.Helper()
	options, err := redis.ParseURL(r.URL())
	if err != nil {
		r.t.Fatalf("reading Redis' address: %v", err)
	}
	options.ContextTimeoutEnabled = true
	if r.certs != nil {
		options.TLSConfig = r.certs.Client()
	}
	r.client = redis.NewClient(options)
	r.t.Cleanup(func() {
		if err := r.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			r.t.Errorf("closing the Redis client: %v", err)
		}
	})
}

// RedisClient returns a client, of a stranger's or as a node's, for a Redis that is known by
// its URL.
func RedisClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.Protocol = 2
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
