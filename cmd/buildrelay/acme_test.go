package main_test

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/pebble"
)

func TestANodeHasItsCertificateFromAnACMEServer(t *testing.T) {
	const host = "relay.example.com"
	address := freeAddress(t)
	server := pebble.Start(t, portOf(t, address), time.Hour)
	redis := relaytest.StartRedis(t)
	dir := filepath.Join(t.TempDir(), "data")
	relay := relaytest.StartRelay(t, with(redis, map[string]string{
		"RELAY_LISTEN": address, "RELAY_TLS": "on", "RELAY_DATA_DIR": dir,
		"RELAY_ACME_DIRECTORY": server.Directory, "RELAY_ACME_HOSTS": host, "RELAY_ACME_CA_FILE": server.CAFile,
	}))
	config := &tls.Config{RootCAs: server.Roots, ServerName: host}
	shown := func() (sha string) {
		t.Helper()
		relaytest.Eventually(t, "there is a certificate", func() bool {
			conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
			if err != nil {
				return false
			}
			defer conn.Close()
			sha = string(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
			return true
		})
		return sha
	}
	first := shown()
	c := relaytest.DialWS(t, "wss://"+host+"/app/"+relaytest.Key, relaytest.WSOptions{
		TLS: config,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	c.Established()
	relay.ExpectMetric(`buildrelay_certificate_good{use="acme"}`, "is 1", is(1))
	audited{relay, redis, dir}.await(t, "relay.tls.reload", func(r auditRow) bool {
		return r["success"] == "true" && r.member(t, "payload", "use") == "acme"
	})
	c.Cut()
	relay.Restart()
	if shown() != first {
		t.Error("after a start there is another certificate")
	}
}

// freeAddress is an address of loopback that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
