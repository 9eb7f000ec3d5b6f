package main_test

import (
	"crypto/x509"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

const operatorsToken = "a-token-of-32-characters-at-least"

// certified is a world where everything is known by certificates: Redis and the node to each
// other, and callers of the HTTP API.
type certified struct {
	world
	authority *relaytest.Authority
	node      relaytest.Issued // what the node shows to Redis
	agent     relaytest.Issued // that of a build agent
	revoked   string           // the file with revocation lists
}

func newCertified(t *testing.T) certified {
	t.Helper()
	authority := relaytest.NewAuthority(t)
	node := authority.Issue(nil)
	agent := authority.Issue(func(c *x509.Certificate) {
		agent, err := url.Parse("spiffe://example.com/ci/agent-1")
		if err != nil {
			t.Fatal(err)
		}
		c.DNSNames, c.IPAddresses, c.URIs = nil, nil, []*url.URL{agent}
	})
	revoked := authority.Revoke()
	certs := authority.Certs()
	server := relaytest.StartRedis(t, relaytest.RedisTLS(certs), relaytest.RedisSettings("tls-auth-clients yes"))
	relay := relaytest.StartRelayTLS(t, certs, map[string]string{
		"RELAY_REDIS_URL": server.URL(), "RELAY_REDIS_CA_FILE": authority.File,
		"RELAY_REDIS_CERT_FILE": node.CertFile, "RELAY_REDIS_KEY_FILE": node.KeyFile,
		"RELAY_API_CLIENT_CA_FILE": authority.File, "RELAY_API_CLIENT_NAMES": "spiffe://example.com/ci/*", "RELAY_CLIENT_CRL_FILE": revoked,
		"RELAY_METRICS_TLS": "on", "RELAY_ADMIN_TOKEN": operatorsToken, "RELAY_ADMIN_CLIENT_CA_FILE": authority.File,
		"RELAY_DATA_DIR": t.TempDir(),
	})
	return certified{world{relay, server}, authority, node, agent, revoked}
}

// pipe publishes a line by the HTTP API, and says what it tells; shown may be nil.
func (w certified) pipe(t *testing.T, shown *relaytest.Issued) (told string) {
	t.Helper()
	return w.call(t, shown, "pipe", "--url", w.URL(), "--ca-file", w.authority.File, "--channel", "c", "--", "echo", "hello")
}

// tail asks for a log by the HTTP API.
func (w certified) tail(t *testing.T, shown *relaytest.Issued) (told string) {
	t.Helper()
	return w.call(t, shown, "tail", "--url", w.URL(), "--ca-file", w.authority.File, "--no-follow", "c")
}

// call runs a command that calls the HTTP API, showing a certificate unless that is nil, and
// returns what it tells.
func (w certified) call(t *testing.T, shown *relaytest.Issued, args ...string) (told string) {
	t.Helper()
	env := []string{"RELAY_APP_ID=" + relaytest.AppID, "RELAY_APP_KEY=" + relaytest.Key, "RELAY_APP_SECRET=" + relaytest.Secret}
	if shown != nil {
		env = append(env, "RELAY_API_CLIENT_CERT_FILE="+shown.CertFile, "RELAY_API_CLIENT_KEY_FILE="+shown.KeyFile)
	}
	_, told, _ = runCommand(t, env, args...)
	return told
}

func TestCallersAndRedisAreKnownByTheirCertificates(t *testing.T) {
	t.Parallel()
	w := newCertified(t)
	const needs = "the HTTP API needs a client certificate beside the signature: "
	client := w.Connect() // browsers need none
	client.Subscribe("c")
	if told := w.pipe(t, &w.agent); strings.Contains(told, needs) {
		t.Errorf("an agent is told %s", told)
	}
	client.Await("build:output")
	stranger := w.authority.Issue(nil) // of another name
	for says, shown := range map[string]*relaytest.Issued{
		"no client certificate was shown": nil, "has none of the names": &stranger,
	} {
		if told := w.pipe(t, shown); !strings.Contains(told, needs) || !strings.Contains(told, says) {
			t.Errorf("told %q, not that it %s", told, says)
		}
	}
	if with, without := w.tail(t, &w.agent), w.tail(t, nil); !strings.Contains(with, "is not a log channel") || !strings.Contains(without, needs) {
		t.Errorf("tail is told %q, and without a certificate %q", with, without)
	}
	next := w.authority.Issue(func(c *x509.Certificate) { c.NotAfter = c.NotAfter.Add(-time.Minute) })
	overwrite(t, w.revoked, w.authority.Revoke(w.agent))
	overwrite(t, w.node.CertFile, next.CertFile)
	overwrite(t, w.node.KeyFile, next.KeyFile)
	w.Signal(syscall.SIGHUP)
	w.Eventually("the agent's certificate is revoked", func() bool { return strings.Contains(w.pipe(t, &w.agent), "was revoked") })
	w.ExpectMetric(`buildrelay_certificate_expiry_timestamp_seconds{use="redis"}`, "is the newer one's", func(at float64) bool {
		return int64(at) == next.Pair.Leaf.NotAfter.Unix()
	})
	for _, use := range []string{"listener", "redis", "redis_authorities", "api_client_authorities", "admin_client_authorities", "client_revocations"} {
		if w.Metric(`buildrelay_certificate_good{use="`+use+`"}`) != 1 {
			t.Errorf("%s is not looked after", use)
		}
	}
}

// overwrite gives a file what another one holds.
func overwrite(t *testing.T, file, with string) {
	t.Helper()
	text, err := os.ReadFile(with)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOperatorsNeedTheTokenOrACertificate(t *testing.T) {
	t.Parallel()
	w := newCertified(t)
	base := "https://" + w.Metrics
	ask := func(path string, shown *relaytest.Issued, change func(*http.Request)) int {
		t.Helper()
		config := w.Certs.Client()
		if shown != nil {
			config.Certificates = append(config.Certificates, shown.Pair)
		}
		client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}, Timeout: relaytest.Patience}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(request)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil { // /check is at one at a time
			t.Fatal(err)
		}
		return response.StatusCode
	}
	token := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+operatorsToken) }
	open := []string{"/healthz", "/readyz"}
	for _, path := range slices.Concat(open, []string{"/metrics", "/usage", "/keys", "/check", "/audit", "/audit/records", "/debug/goroutines"}) {
		want := http.StatusUnauthorized
		if slices.Contains(open, path) {
			want = http.StatusOK
		}
		if got := ask(path, nil, nil); got != want {
			t.Errorf("%s is answered %d", path, got)
		}
		if byToken, byCertificate := ask(path, nil, token), ask(path, &w.agent, nil); byToken != 200 || byCertificate != 200 {
			t.Errorf("%s is answered %d by the token, %d by a certificate", path, byToken, byCertificate)
		}
	}
	if w.Metric(`buildrelay_operators_denied_total{reason="no token"}`) != 7 {
		t.Error("who was refused is not counted")
	}
	w.Eventually("it is recorded who was refused, and who read", func() bool {
		_, records := w.AskMetrics("/audit/records?limit=100")
		return strings.Contains(records, "relay.admin.denied") && strings.Contains(records, `"id":"spiffe://example.com/ci/agent-1","type":"admin"`)
	})
	env := map[string]string{"RELAY_METRICS_LISTEN": w.Metrics, "RELAY_METRICS_TLS": "on"}
	if _, told, code := runCommand(t, environ(env), "health"); code != 0 {
		t.Errorf("the health check ends with %d: %s", code, told)
	}
	if _, told, code := runCommand(t, environ(map[string]string{"RELAY_METRICS_LISTEN": w.Metrics}), "health"); code == 0 {
		t.Errorf("a health check without TLS ends well: %s", told)
	}
}

func environ(settings map[string]string) (all []string) {
	for name, value := range maps.All(settings) {
		all = append(all, name+"="+value)
	}
	return all
}
