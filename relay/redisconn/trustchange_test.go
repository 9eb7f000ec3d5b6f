package redisconn_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// changing is what a node believes in and shows, and may change.
type changing struct {
	roots atomic.Pointer[x509.CertPool]
	shown atomic.Pointer[tls.Certificate]
}

func (c *changing) set(roots *x509.CertPool, shown relaytest.Issued) {
	c.roots.Store(roots)
	c.shown.Store(&shown.Pair)
}

// An authority is replaced as operators do it: first both count on both sides, then each side
// gets a certificate of the new one, then the old one goes.
func TestAnAuthorityIsReplacedWhileConnectionsStay(t *testing.T) {
	t.Parallel()
	before, after := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	both := x509.NewCertPool()
	both.AddCert(before.Cert)
	both.AddCert(after.Cert)
	bothFile := joined(t, before.File, after.File)
	server := relaytest.StartRedis(t, relaytest.RedisTLS(serving(before, before.Issue(nil))), relaytest.RedisSettings("tls-auth-clients yes"))

	var node changing
	node.set(before.Pool, before.Issue(nil))
	secure := &redisconn.TLS{Roots: node.roots.Load, Certificate: node.shown.Load}
	var open []*redis.Conn
	connects := func(when string) {
		t.Helper()
		conn, err := connect(t, server.URL(), secure)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		open = append(open, conn)
	}
	serves := func(authorities string, shown relaytest.Issued) {
		t.Helper()
		serve(t, open[0], authorities, shown)
	}
	connects("at first")
	serves(bothFile, before.Issue(nil))
	node.set(both, before.Issue(nil))
	connects("when both count")
	serves(bothFile, after.Issue(nil))
	connects("when the server has the new one")
	node.set(both, after.Issue(nil))
	connects("when both have the new one")
	serves(after.File, after.Issue(nil))
	node.set(after.Pool, after.Issue(nil))
	connects("when the old one has gone")
	for i, conn := range slices.All(open) {
		if err := conn.Ping(t.Context()).Err(); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	node.set(before.Pool, before.Issue(nil))
	var untrusted *tls.CertificateVerificationError
	if _, err := connect(t, server.URL(), secure); !errors.As(err, &untrusted) {
		t.Errorf("who stays with the old one gets %v", err)
	}
}

// Under load nobody is refused while certificates are replaced, on both sides, and their
// authority every fourth time.
func TestNobodyIsRefusedWhileCertificatesAreReplaced(t *testing.T) {
	t.Parallel()
	rounds := 4
	if relaytest.Full() {
		rounds = 20
	}
	authority := relaytest.NewAuthority(t)
	server := relaytest.StartRedis(t, relaytest.RedisTLS(serving(authority, authority.Issue(nil))), relaytest.RedisSettings("tls-auth-clients yes"))
	var node changing
	node.set(authority.Pool, authority.Issue(nil))
	secure := &redisconn.TLS{Roots: node.roots.Load, Certificate: node.shown.Load}
	stays, err := connect(t, server.URL(), secure)
	if err != nil {
		t.Fatal(err)
	}
	load := connectAgainAndAgain(t, server.URL(), secure)
	for i := range rounds {
		load.await(t, 5)
		if i%4 == 3 {
			after := relaytest.NewAuthority(t)
			both := x509.NewCertPool()
			both.AddCert(authority.Cert)
			both.AddCert(after.Cert)
			node.set(both, authority.Issue(nil))
			serve(t, stays, joined(t, authority.File, after.File), after.Issue(nil))
			load.await(t, 5)
			authority = after
		}
		node.set(authority.Pool, authority.Issue(nil))
		serve(t, stays, authority.File, authority.Issue(nil))
	}
	load.await(t, 5)
	if connected, failed := load.end(); failed != nil {
		t.Errorf("after %d connections: %v", connected, failed)
	}
	if err := stays.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the connection of the beginning: %v", err)
	}
}

// serve has Redis take these files for connections from now on.
func serve(t *testing.T, conn *redis.Conn, authorities string, shown relaytest.Issued) {
	t.Helper()
	err := conn.Do(t.Context(), "CONFIG", "SET", "tls-ca-cert-file", authorities, "tls-cert-file", shown.CertFile, "tls-key-file", shown.KeyFile).Err()
	if err != nil {
		t.Fatal(err)
	}
}

// load makes one connection after the other.
type load struct {
	connected atomic.Int64
	stop      context.CancelFunc
	failed    chan error // the first that failed, or nil at the end
}

func connectAgainAndAgain(t *testing.T, url string, secure *redisconn.TLS) *load {
	t.Helper()
	servers, err := redisconn.ParseURL(auth.Secret(url), secure)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l := &load{stop: stop, failed: make(chan error, 1)}
	go func() { // end waits for it
		for ctx.Err() == nil {
			client := redis.NewClient(redisconn.Strict(servers.Options(servers.Last().Of("key")), 5*time.Second))
			err := client.Ping(context.WithoutCancel(ctx)).Err()
			_ = client.Close()
			if err != nil {
				l.failed <- err
				return
			}
			l.connected.Add(1)
		}
		l.failed <- nil
	}()
	return l
}

// await waits for n more connections.
func (l *load) await(t *testing.T, n int64) {
	t.Helper()
	from := l.connected.Load()
	relaytest.Eventually(t, "more connections", func() bool { return l.connected.Load() >= from+n || len(l.failed) > 0 })
}

func (l *load) end() (connected int64, failed error) {
	l.stop()
	failed = <-l.failed
	return l.connected.Load(), failed
}

// joined is a file with what others hold.
func joined(t *testing.T, files ...string) string {
	t.Helper()
	var all []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	path := t.TempDir() + "/authorities.pem"
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
