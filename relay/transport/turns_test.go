package transport_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"strings"
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
