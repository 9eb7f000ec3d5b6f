package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
)

// behind starts an nginx before the first node, with more lines, and returns its URL.
func (w wellMade) behind(t *testing.T, lines ...string) string {
	t.Helper()
	certs := longCerts(w.authority)
	n := relaytest.StartNginx(t, func(address string) string {
		return "server { listen " + address + " ssl; ssl_certificate " + certs.CertFile + "; ssl_certificate_key " + certs.KeyFile + "; ssl_ciphers ECDHE+AESGCM; location / { proxy_pass " +
			w.nodes[0].URL() + "; " + strings.Join(lines, " ") + " } }"
	})
	return "https://" + n.Address
}

// upgrading are the lines that let WebSockets through.
var upgrading = []string{"proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;", `proxy_set_header Connection "upgrade";`}

func TestWhatIsWrongWithAProxyIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	for name, c := range map[string]struct {
		lines []string
		want  map[string]checkup.Grade
		slow  bool
	}{
		"nothing":                    {upgrading, map[string]checkup.Grade{}, false},
		"no upgrade":                 {nil, fails("websocket"), false},
		"answers are held back":      {append([]string{"proxy_ignore_headers X-Accel-Buffering;", "proxy_buffering on;"}, upgrading...), fails("streaming"), false},
		"the API is not let through": {append([]string{"limit_except GET { deny all; }"}, upgrading...), fails("streaming", "roundtrip", "log"), false},
		"silent connections end":     {append([]string{"proxy_read_timeout 300ms;"}, upgrading...), map[string]checkup.Grade{"idle": checkup.Fail, "keys.needed": checkup.Note}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"--url", w.behind(t, c.lines...)}
			if c.slow {
				args = append(args, "--slow")
			}
			w.expect(t, nil, c.want, args...)
		})
	}
}

// proxyTLS starts a proxy before the first node whose TLS is what change makes of it.
func (w wellMade) proxyTLS(t *testing.T, issued relaytest.Issued, change func(*tls.Config)) string {
	t.Helper()
	to, err := url.Parse(w.nodes[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.authority.Pool, MinVersion: tls.VersionTLS12}},
	}
	server := httptest.NewUnstartedServer(proxy)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{issued.Pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	change(server.TLS)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

func TestWhatIsWrongWithTheTLSOfAProxyIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	good := w.authority.Issue(nil)
	weak := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	for name, c := range map[string]struct {
		issued relaytest.Issued
		change func(*tls.Config)
		want   map[string]checkup.Grade
	}{
		"nothing":     {good, func(c *tls.Config) { c.CipherSuites = weak[:1] }, map[string]checkup.Grade{}},
		"TLS 1.1":     {good, func(c *tls.Config) { c.MinVersion, c.CipherSuites = tls.VersionTLS11, weak }, fails("url.versions")},
		"weak cipher": {good, func(c *tls.Config) { c.CipherSuites = weak }, noted("url.versions")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.expect(t, nil, c.want, "--url", w.proxyTLS(t, c.issued, c.change))
		})
	}
	for name, c := range map[string]struct {
		issued relaytest.Issued
		want   map[string]checkup.Grade
	}{
		"another name":      {w.authority.Issue(func(c *x509.Certificate) { c.IPAddresses = nil }), fails("url.certificate")},
		"another authority": {relaytest.NewAuthority(t).Issue(nil), fails("url.certificate")},
		"expired":           {w.authority.Issue(func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(1) }), fails("url.expiry")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.expect(t, nil, c.want, "--url", w.proxyTLS(t, c.issued, func(c *tls.Config) {
				c.CipherSuites = weak[:1]
			}))
		})
	}
}

func TestARelayThatDoesNotAnswerIsTold(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	stopping := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		http.Error(rw, "stopping", http.StatusServiceUnavailable)
	}))
	t.Cleanup(stopping.Close)
	w.expect(t, nil, fails("ready"), "--url", "http://127.0.0.1:1")
	w.expect(t, nil, fails("ready"), "--url", stopping.URL)
}

// A node that hangs has its lease for some seconds yet, and does not hear.
func TestANodeThatHearsNothingIsTold(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	w.nodes[1].Signal(syscall.SIGSTOP)
	t.Cleanup(func() { w.nodes[1].Signal(syscall.SIGCONT) })
	w.expect(t, nil, fails("nodes"))
}

// Who answers twice does not stand for one that does not answer.
func TestANodeThatAnswersTwiceIsOne(t *testing.T) {
	t.Parallel()
	redis := relaytest.StartRedis(t)
	w := newPlain(t, redis)
	hung := relaytest.StartRelay(t, map[string]string{"RELAY_REDIS_URL": redis.URL()})
	calls := redis.Client().Subscribe(t.Context(), "buildrelay:~nodes")
	if _, err := calls.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	hung.Signal(syscall.SIGSTOP)
	t.Cleanup(func() { hung.Signal(syscall.SIGCONT) })
	said := calls.Channel()
	var repeating sync.WaitGroup
	repeating.Go(func() {
		for m := range said {
			if strings.Contains(m.Payload, `"answer"`) {
				redis.Client().Publish(t.Context(), m.Channel, m.Payload)
				return
			}
		}
	})
	stdout, stderr, code := w.run(t, nil)
	_ = calls.Close() // which ends said
	repeating.Wait()
	if code != 1 || !strings.Contains(stdout, "FAIL  nodes ") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

// newPlain is a node without anything that makes it a good one, as the command beside it has it.
func newPlain(t *testing.T, redis *relaytest.Redis) wellMade {
	t.Helper()
	w := wellMade{env: map[string]string{"RELAY_REDIS_URL": redis.URL(), "RELAY_TLS": "off"}}
	w.nodes = []*relaytest.Relay{relaytest.StartRelay(t, w.env)}
	maps.Copy(w.env, map[string]string{
		"RELAY_LISTEN": w.nodes[0].Address, "RELAY_APP_ID": relaytest.AppID, "RELAY_APP_KEY": relaytest.Key, "RELAY_APP_SECRET": relaytest.Secret,
	})
	return w
}

// What is looked at is what browsers have, not what the machine uses that checks. Requests to
// loopback addresses never go through a proxy of the environment, those to 0.0.0.0 would.
func TestACheckTakesNoProxyOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newPlain(t, relaytest.StartRedis(t))
	_, port, err := net.SplitHostPort(w.nodes[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, _ := w.run(t, map[string]string{"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}, "--url", "http://0.0.0.0:"+port)
	for _, name := range []string{"ready", "websocket", "roundtrip", "streaming"} {
		if !strings.Contains(stdout, "ok    "+name+" ") {
			t.Errorf("%s is not told to be well:\n%s%s", name, stdout, stderr)
		}
	}
}

func TestANodeThatOthersCannotReachIsTold(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, map[string]string{"RELAY_NODE_URL": "https://127.0.0.1:1"})
	w.expect(t, nil, fails("nodes.url"))
}

// A proxy that is none of RELAY_TRUSTED_PROXIES is not believed, and its clients count as one.
func TestAProxyThatWasForgottenIsTold(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	through := w.behind(t, append([]string{"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"}, upgrading...)...)
	w.expect(t, nil, noted("proxies"), "--url", through)
	trusting := newWellMade(t, map[string]string{"RELAY_TRUSTED_PROXIES": "127.0.0.1"})
	trusting.nodes[0] = trusting.nodes[1]
	through = trusting.behind(t, append([]string{"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"}, upgrading...)...)
	trusting.expect(t, nil, map[string]checkup.Grade{}, "--url", through)
}

// What is not looked at for want of a certificate is told, and nothing else is wrong.
func TestACheckShowsTheCertificateThatTheAPIWants(t *testing.T) {
	t.Parallel()
	agents := relaytest.NewAuthority(t)
	agent := agents.Issue(nil)
	w := newWellMade(t, map[string]string{"RELAY_API_CLIENT_CA_FILE": agents.File})
	wants := map[string]string{"RELAY_API_CLIENT_CA_FILE": agents.File}
	w.expect(t, wants, map[string]checkup.Grade{"roundtrip": checkup.Note}, "--url", w.nodes[1].URL())
	wants["RELAY_API_CLIENT_CERT_FILE"], wants["RELAY_API_CLIENT_KEY_FILE"] = agent.CertFile, agent.KeyFile
	w.expect(t, wants, map[string]checkup.Grade{}, "--url", w.nodes[1].URL())
	if err := os.Chmod(agent.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	w.expect(t, wants, fails("files.RELAY_API_CLIENT_KEY_FILE"), "--url", w.nodes[1].URL())
}
