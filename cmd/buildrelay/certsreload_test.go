package main

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/pipe"
	"buildrelay/relay/relaytest"
)

// callee is an HTTP API over TLS that notes whose certificates it is shown.
func callee(t *testing.T, serving *relaytest.Authority) (url string, seen func() []string) {
	t.Helper()
	var serials []string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, cert := range r.TLS.PeerCertificates {
			serials = append(serials, cert.SerialNumber.String())
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{serving.Issue(nil).Pair}, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, func() []string { return serials }
}

// A build may last longer than the certificate of who publishes it.
func TestPipeShowsTheCertificateOfNow(t *testing.T) {
	t.Parallel()
	authority := relaytest.NewAuthority(t)
	first, second := authority.Issue(nil), authority.Issue(nil)
	url, seen := callee(t, authority)
	c := Config{APIClientCertFile: first.CertFile, APIClientKeyFile: first.KeyFile}
	publisher, err := newHTTPPublisher(c, auth.Key{Key: "k", Secret: "secret-of-the-app"}, target{apiURL: url, caFile: authority.File})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, publisher)
	publish(t, publisher)
	for from, to := range map[string]string{second.CertFile: first.CertFile, second.KeyFile: first.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, publisher)
	was, is := first.Pair.Leaf.SerialNumber.String(), second.Pair.Leaf.SerialNumber.String()
	if got, want := seen(), []string{was, was, is}; !slices.Equal(got, want) {
		t.Errorf("shown are %v, want %v", got, want)
	}
}

func publish(t *testing.T, to pipe.Publisher) {
	t.Helper()
	if _, err := to.Publish(t.Context(), "3", []protocol.Event{{Name: "e", Channel: "c", Data: "{}"}}); err != nil {
		t.Fatal(err)
	}
}

// Whatever file has authorities, it is looked at while the node runs.
func TestAllFilesWithAuthoritiesAreLookedAfter(t *testing.T) {
	t.Parallel()
	file := relaytest.NewAuthority(t).File
	acme := map[string]string{
		"RELAY_TLS": "on", "RELAY_DATA_DIR": t.TempDir(), "RELAY_AUDIT": "off",
		"RELAY_ACME_DIRECTORY": "https://ca.example.com/directory", "RELAY_ACME_HOSTS": "relay.example.com",
	}
	cluster := clusterOf("https://10.0.0.5:6001", secret32)
	vault := map[string]string{
		"RELAY_KEYS_FILE": "keys.json", "RELAY_KEYS_VAULT": "https://vault.example.com:8200/transit/keys/k", "RELAY_VAULT_TOKEN": "token",
	}
	for name, settings := range map[string]map[string]string{
		"RELAY_NODE_CA_FILE": cluster, "RELAY_VAULT_CA_FILE": vault, "RELAY_ACME_CA_FILE": acme,
		"RELAY_REDIS_CA_FILE": {"RELAY_REDIS_URL": "rediss://127.0.0.1"},
	} {
		settings[name] = file
		c, err := loadConfig(environOf(enough(), settings))
		if err == nil {
			_, err = c.kek()
		}
		if err != nil {
			t.Fatal(err)
		}
		l, err := c.listener()
		if err != nil {
			t.Fatal(err)
		}
		n, err := newNode(c, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		n.certificates.addListeners([]listener{l})
		if got := n.certificates.watch.Len(); got != 1 {
			t.Errorf("%s: %d files are looked after", name, got)
		}
		_ = n.redis.Close()
	}
}
