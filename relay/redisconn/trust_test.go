package redisconn_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// connect makes one connection to a server, as nodes do, and says what comes of a PING.
func connect(t *testing.T, url string, secure *redisconn.TLS) (*redis.Conn, error) {
	t.Helper()
	for {
		conn, err := connectOnce(t, url, secure)
		// By TLS 1.3 a server refuses a certificate after the handshake. What it says is lost
		// where it ends the connection before it has read all.
		if secure == nil || secure.Certificate == nil || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			return conn, err
		}
	}
}

func connectOnce(t *testing.T, url string, secure *redisconn.TLS) (*redis.Conn, error) {
	t.Helper()
	servers, err := redisconn.ParseURL(auth.Secret(url), secure)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = servers.Close() })
	m, err := servers.Known(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	o := redisconn.Strict(servers.Options(m.Of("key")), 5*time.Second)
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	conn := client.Conn()
	t.Cleanup(func() { _ = conn.Close() })
	return conn, servers.Explain(conn.Ping(t.Context()).Err())
}

// secured is how somebody connects who believes in roots and shows a certificate; either may
// be missing.
func secured(roots *relaytest.Authority, shown *relaytest.Issued) *redisconn.TLS {
	s := &redisconn.TLS{}
	if roots != nil {
		s.Roots = func() *x509.CertPool { return roots.Pool }
	}
	if shown != nil {
		s.Certificate = func() *tls.Certificate { return &shown.Pair }
	}
	return s
}

func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

func elsewhere(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"redis.example.com"}, nil
}

// serving are the files of a server's certificate, beside the authority of its clients.
func serving(clients *relaytest.Authority, shown relaytest.Issued) *relaytest.Certs {
	return &relaytest.Certs{CAFile: clients.File, CertFile: shown.CertFile, KeyFile: shown.KeyFile, Pool: clients.Pool}
}

func TestRedisIsKnownByItsCertificateAndKnowsTheNodeByTheNodes(t *testing.T) {
	t.Parallel()
	ours, others := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	node, stranger, old := ours.Issue(nil), others.Issue(nil), ours.Issue(expired)
	start := func(shown relaytest.Issued) string {
		return relaytest.StartRedis(t, relaytest.RedisTLS(serving(ours, shown)), relaytest.RedisSettings("tls-auth-clients yes")).URL()
	}
	good := start(ours.Issue(nil))
	for name, c := range map[string]struct {
		url    string
		secure *redisconn.TLS
		says   []string // none: it connects
	}{
		"as it should be":            {good, secured(ours, &node), nil},
		"no certificate":             {good, secured(ours, nil), []string{"Redis asks for a certificate: RELAY_REDIS_CERT_FILE"}},
		"a stranger's certificate":   {good, secured(ours, &stranger), []string{"remote error: tls: ", "does not take the certificate of RELAY_REDIS_CERT_FILE"}},
		"an expired certificate":     {good, secured(ours, &old), []string{"remote error: tls: ", "does not take the certificate"}},
		"an authority of no trust":   {good, secured(others, &node), []string{"unknown authority", "RELAY_REDIS_CA_FILE"}},
		"the system's authorities":   {good, secured(nil, &node), []string{"unknown authority", "RELAY_REDIS_CA_FILE"}},
		"a server that expired":      {start(ours.Issue(expired)), secured(ours, &node), []string{"has expired"}},
		"a server of another name":   {start(ours.Issue(elsewhere)), secured(ours, &node), []string{"127.0.0.1"}},
		"a server for clients alone": {start(ours.Issue(forClients)), secured(ours, &node), []string{"incompatible key usage"}},
		"a server of others":         {start(others.Issue(nil)), secured(ours, &node), []string{"unknown authority"}},
		"a server of old":            {"rediss://" + oldServer(t, ours), secured(ours, &node), []string{"protocol version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, c.url, c.secure)
			if (err == nil) != (c.says == nil) {
				t.Fatalf("it ends with %v", err)
			}
			for _, text := range c.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("it says %v, not %q", err, text)
				}
			}
		})
	}
}

func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

// oldServer is the address of a server that knows TLS 1.1 at the most.
func oldServer(t *testing.T, of *relaytest.Authority) string {
	t.Helper()
	shown := of.Issue(nil)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{shown.Pair}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
	})
	if err != nil {
		t.Fatal(err)
	}
	return accepting(t, ln, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
}

// accepting has each connection served until the test ends, and returns the address.
func accepting(t *testing.T, ln net.Listener, serve func(net.Conn)) string {
	t.Helper()
	done := make(chan struct{})
	go func() { // the cleanup waits for it
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_ = conn.SetDeadline(time.Now().Add(relaytest.Patience))
			serve(conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String()
}

// Whoever takes the server's place learns nothing by breaking TLS off.
func TestAServerThatBreaksTLSOffIsToldNothingInTheClear(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan byte, 10)
	address := accepting(t, ln, func(conn net.Conn) {
		var hello [1]byte
		if _, err := io.ReadFull(conn, hello[:]); err == nil {
			first <- hello[0]
		}
		_, _ = conn.Write([]byte("+OK\r\n")) // as a Redis without TLS
	})
	for range 3 {
		_, err := connect(t, "rediss://user:password@"+address, nil)
		if err == nil || !strings.Contains(err.Error(), "speaks no TLS at this port") {
			t.Fatalf("it ends with %v", err)
		}
		const handshake = 22
		if b := <-first; b != handshake {
			t.Errorf("a connection begins with %#x", b)
		}
	}
}

func TestServersWithoutTLSBeyondThisMachineAreNamed(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379":                         "",
		"redis://[::1]":                                  "",
		"redis://localhost/1":                            "",
		"rediss://redis.example.com":                     "",
		"redis://redis.example.com":                      "redis.example.com:6379",
		"redis://localhost.example.com":                  "localhost.example.com:6379",
		"redis+cluster://127.0.0.1:1,10.0.0.5:2":         "10.0.0.5:2",
		"redis+sentinel://10.0.0.5,[::ffff:127.0.0.1]/m": "10.0.0.5:26379",
		"rediss+sentinel://10.0.0.5/m":                   "",
	} {
		servers, err := redisconn.ParseURL(auth.Secret(url), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(servers.Exposed(), " "); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}
