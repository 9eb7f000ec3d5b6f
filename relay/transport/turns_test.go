package transport_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// Whoever says nothing, breaks off, or has shaken hands, keeps nobody waiting.
func TestHandshakesTakeTurnsAndGiveThemBack(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	r := newRig(t, transport.AdmissionConfig{}, certs, app("ci"))
	address := strings.TrimSuffix(strings.TrimPrefix(r.url, "wss://"), "/app/")
	for range 3 * runtime.GOMAXPROCS(0) {
		dialSilently(t, address)
		stranger := tls.Client(dialSilently(t, address), &tls.Config{ServerName: "stranger.example", MinVersion: tls.VersionTLS12})
		if err := stranger.HandshakeContext(t.Context()); err == nil {
			t.Error("a client trusts a stranger")
		}
		for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
			r.client = certs.Client()
			r.client.MinVersion, r.client.MaxVersion = version, version
			c := r.dial(t, "ci")
			c.Established()
			c.Cut()
		}
	}
}

// What a config has to say about a client counts, in its turn.
func TestAConfigMayChooseAnotherForAClient(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewAuthority(t)
	shown := certs.Issue(nil)
	chosen := &tls.Config{Certificates: []tls.Certificate{shown.Pair}, MinVersion: tls.VersionTLS12}
	ln, err := transport.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	secure := tls.NewListener(ln, transport.InTurn(&tls.Config{ // without a certificate of its own
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }, MinVersion: tls.VersionTLS12,
	}))
	client := tls.Client(dialSilently(t, ln.Addr().String()), &tls.Config{RootCAs: certs.Pool, ServerName: "localhost", MinVersion: tls.VersionTLS12})
	conn, err := secure.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var shaking sync.WaitGroup
	shaking.Go(func() { _, _ = conn.Read(make([]byte, 1)) })
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	_ = client.Close()
	shaking.Wait()
}

// dialSilently makes a connection until the test ends.
func dialSilently(t *testing.T, address string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
