package main_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
)

// flaw is an installation with one thing wrong: what is another than in one that is well made,
// and what is told of it.
type flaw struct {
	name   string
	change map[string]string
	want   map[string]checkup.Grade
}

func flawed(name string, want map[string]checkup.Grade, change ...string) flaw {
	c := flaw{name, make(map[string]string), want}
	for i := 0; i < len(change); i += 2 {
		c.change[change[i]] = change[i+1]
	}
	return c
}

func fails(names ...string) map[string]checkup.Grade { return graded(checkup.Fail, names) }
func noted(names ...string) map[string]checkup.Grade { return graded(checkup.Note, names) }

func graded(as checkup.Grade, names []string) map[string]checkup.Grade {
	all := make(map[string]checkup.Grade)
	for _, name := range names {
		all[name] = as
	}
	return all
}

// withMode writes a file that others may read, too.
func withMode(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := writeFile(t, text)
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatIsWrongWithSettingsAndFilesIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	strangers := longCerts(relaytest.NewAuthority(t))
	expiring := func(left, life time.Duration) relaytest.Issued {
		return w.authority.Issue(func(c *x509.Certificate) {
			c.NotAfter = time.Now().Add(left)
			c.NotBefore = c.NotAfter.Add(-life)
		})
	}
	const day = 24 * time.Hour
	expired, soon := expiring(-time.Hour, 90*day), expiring(10*day, 90*day)
	old := writeFile(t, relaytest.Secret)
	if at := time.Now().Add(-100 * day); os.Chtimes(old, at, at) != nil {
		t.Fatal("a file cannot be made older")
	}
	keysFile := string(read(t, w.env["RELAY_KEYS_FILE"]))
	for _, c := range append(flawedSettings(),
		flawed("a certificate that has expired", fails("tls.expiry"), "RELAY_TLS_CERT_FILE", expired.CertFile, "RELAY_TLS_KEY_FILE", expired.KeyFile),
		flawed("a certificate that expires soon", fails("tls.expiry"), "RELAY_TLS_CERT_FILE", soon.CertFile, "RELAY_TLS_KEY_FILE", soon.KeyFile),
		flawed("a certificate of an unknown authority", fails("tls.certificate"), "RELAY_TLS_CERT_FILE", strangers.CertFile, "RELAY_TLS_KEY_FILE", strangers.KeyFile),
		flawed("the key of another certificate", fails("tls"), "RELAY_TLS_KEY_FILE", strangers.KeyFile),
		flawed("a certificate's key that others may read", fails("files.RELAY_TLS_KEY_FILE"),
			"RELAY_TLS_KEY_FILE", withMode(t, string(read(t, w.env["RELAY_TLS_KEY_FILE"])), 0o644)),
		flawed("a secret that others may read", fails("files.RELAY_APP_SECRET_FILE"), "RELAY_APP_SECRET_FILE", withMode(t, relaytest.Secret, 0o640)),
		flawed("a secret that is old", noted("secrets.age"), "RELAY_APP_SECRET_FILE", old),
		flawed("keys that others may read", fails("keys"), "RELAY_KEYS_FILE", withMode(t, keysFile, 0o644)),
		flawed("keys that are gone", fails("keys"), "RELAY_KEYS_FILE", filepath.Join(t.TempDir(), "none")),
		flawed("a secret that everybody knows", fails("secrets")).withApps(t, "secret: app-secret"),
		flawed("a secret that is short", fails("secrets")).withApps(t, "secret: abcdefghijklmnopqrs"),
		flawed("a key that is being replaced", noted("secrets.retiring")).withApps(t, "state: retiring", "secret: "+strings.Repeat("a1", 20)),
		flawed("a known secret that is revoked", nil).withApps(t, "state: revoked", "secret: app-secret"),
	) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.want == nil {
				c.want = map[string]checkup.Grade{}
			}
			w.expect(t, c.change, c.want)
		})
	}
}

// withApps has the app come from a file, with a second key that has these lines.
func (c flaw) withApps(t *testing.T, lines ...string) flaw {
	t.Helper()
	for _, name := range []string{"RELAY_APP_ID", "RELAY_APP_KEY", "RELAY_APP_SECRET", "RELAY_APP_SECRET_FILE", "RELAY_APP_ORIGINS", "RELAY_APP_SEAL", "RELAY_LOG_RULES"} {
		c.change[name] = unset
	}
	c.change["RELAY_APPS_FILE"] = writeFile(t, `apps:
  - id: "`+relaytest.AppID+`"
    origins: ["https://ci.example.com"]
    seal: required
    logs:
      - channels: private-build-*
        replay: all
    keys:
      - key: `+relaytest.Key+`
        secret: `+relaytest.Secret+`
      - key: second
        `+strings.Join(lines, "\n        ")+"\n")
	return c
}

// flawedSettings are those that need no file.
func flawedSettings() []flaw {
	const address = "0.0.0.0:9601"
	return []flaw{
		flawed("a number out of its bounds", fails("settings.numbers"), "RELAY_APP_MAX_MEMBERS", "-1"),
		flawed("a time out of its bounds", fails("settings.times"), "RELAY_DRAIN_DELAY", "-1s"),
		flawed("a certificate without a key", fails("settings.tls"), "RELAY_TLS_KEY_FILE", unset),
		flawed("an app without a key", fails("settings.apps"), "RELAY_APP_KEY", unset),
		flawed("logs to be sealed, and no keys", fails("settings.apps"), "RELAY_KEYS_FILE", unset),
		flawed("networks that are none", fails("settings.webhooks"), "RELAY_WEBHOOK_NETWORKS", "intranet"),
		flawed("nodes without a secret", fails("settings.nodes"), "RELAY_CLUSTER_SECRET", unset),
		flawed("operators with a short token", fails("settings.audit"), "RELAY_ADMIN_TOKEN", "short"),
		flawed("operators with TLS that is off", fails("settings.operators", "tls"), "RELAY_METRICS_TLS", "on", "RELAY_TLS", "off", "RELAY_LISTEN", "0.0.0.0:6001", "RELAY_ACKNOWLEDGE_INSECURE", "true"),
		flawed("an auth endpoint that asks nobody", fails("settings.auth"), "RELAY_AUTH", "forward", "RELAY_AUTH_CHANNELS", "private-{a}"),
		flawed("a setting that is misspelt", fails("settings.unknown"), "RELAY_APP_SEEL", "required"),
		flawed("a variable of Kubernetes", map[string]checkup.Grade{}, "RELAY_PORT", "tcp://10.0.0.7:6001", "RELAY_SERVICE_HOST", "10.0.0.7"),
		flawed("no TLS", fails("tls"), "RELAY_TLS", "off", "RELAY_LISTEN", "0.0.0.0:6001", "RELAY_ACKNOWLEDGE_INSECURE", "true"),
		flawed("what is insecure is allowed for nothing", noted("insecure"), "RELAY_ACKNOWLEDGE_INSECURE", "true"),
		flawed("pages of any origin", noted("origins"), "RELAY_APP_ORIGINS", unset),
		flawed("a webhook without TLS", fails("webhooks"), "RELAY_APP_WEBHOOKS", `[{"url": "http://ci.example.com/hooks"}]`),
		flawed("metrics for everybody", fails("operators"), "RELAY_METRICS_LISTEN", address),
		flawed("a token without TLS", fails("operators"), "RELAY_METRICS_LISTEN", address, "RELAY_ADMIN_TOKEN", operatorsToken),
		flawed("no metrics", noted("operators"), "RELAY_METRICS_LISTEN", ""),
		flawed("more clients than files may be open", fails("limits.files"), "RELAY_MAX_CONNECTIONS", "1000000000"),
		flawed("more memory for events than there is", fails("limits.memory"), "RELAY_FEED_MEMORY", "1000GiB"),
		flawed("no audit trail", noted("audit"), "RELAY_AUDIT", "off"),
		flawed("an audit trail that is away", fails("audit"), "RELAY_AUDIT_DATABASE", "postgres://127.0.0.1:1/audit?sslmode=disable"),
		flawed("a decider that is away", fails("auth"), "RELAY_AUTH", "forward", "RELAY_AUTH_URL", "https://127.0.0.1:1/auth", "RELAY_AUTH_CHANNELS", "private-build-{build}"),
		flawed("a decider that is asked without TLS", fails("auth"), "RELAY_AUTH", "forward", "RELAY_AUTH_URL", "http://ci.example.com/auth",
			"RELAY_AUTH_CHANNELS", "private-build-{build}", "RELAY_ACKNOWLEDGE_INSECURE", "true"),
		flawed("another secret than the node's", fails("roundtrip", "log"), "RELAY_APP_SECRET_FILE", unset, "RELAY_APP_SECRET", strings.Repeat("b2", 20)),
		flawed("another key than the node's", fails("websocket", "streaming"), "RELAY_APP_KEY", "another"),
		flawed("a log channel that the node has not", fails("log"), "RELAY_LOG_RULES", "private-else-*"),
		flawed("log channels of others alone", noted("log"), "RELAY_LOG_RULES", "private-deploys"),
		flawed("another secret of the nodes", fails("nodes.url"), "RELAY_CLUSTER_SECRET", strings.Repeat("c3", 20)),
		flawed("another authority of the nodes", fails("nodes.url"), "RELAY_NODE_CA_FILE", unset),
		flawed("a Redis that is away", fails("redis"), "RELAY_REDIS_URL", "rediss://127.0.0.1:1"),
		flawed("no URL of Redis", fails("settings.redis"), "RELAY_REDIS_URL", unset),
	}
}
