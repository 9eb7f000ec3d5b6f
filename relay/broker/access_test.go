package broker_test

import (
	"crypto/x509"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/broker"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// relayUser is what a Redis user of a relay must be allowed at the least, beside
// channels.
func relayUser(rules ...string) relaytest.RedisOption {
	return relaytest.RedisUser("relay", append([]string{
		"on", ">hunter2", "resetchannels", "resetkeys", "-@all", "+subscribe", "+unsubscribe", "+publish",
	}, rules...)...)
}

func TestOnlyTheForbiddenChannelOfABatchIsRefused(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:~beat:*", "&buildrelay:1:a", "&buildrelay:1:c"))
	r := newRig(t, server.URLFor("relay", "hunter2"))
	for _, channel := range []string{"a", "b", "c"} {
		r.Watch("1", channel)
	}
	r.start().expect("confirmed 1 a", "refused 1 b", "confirmed 1 c")
	r.expectLog("level=WARN", "does not allow", "app=1", "NOPERM")

	r.Watch("1", "b") // who asks again is told again
	r.expect("refused 1 b")
	r.Watch("1", "b")
	r.Unwatch("1", "b") // nobody waits for it, or somebody did
	send(t, server, "buildrelay:1:c", `{"event":"e","data":"1"}`)
	for got := r.told.next(t, "event 1 c e 1"); got != "event 1 c e 1"; got = r.told.next(t, "event 1 c e 1") {
		if got != "refused 1 b" {
			t.Fatalf("told %q", got)
		}
	}

	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "relay", "&buildrelay:1:b").Err(); err != nil {
		t.Fatal(err)
	}
	r.Watch("1", "b")
	r.expect("confirmed 1 b")
	if r.links() != 1 {
		t.Errorf("%v links, want 1", r.links())
	}
}

func TestAChannelIsRefusedWhenOneOfItsContractsIs(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:*", "&allowed"))
	r := startRig(t, server.URLFor("relay", "hunter2"), slanger(false))
	r.Watch("1", "forbidden")
	r.expect("refused 1 forbidden")
	r.Watch("1", "allowed")
	r.expect("confirmed 1 allowed")
	relaytest.Eventually(t, "the refused channel is not subscribed to", func() bool {
		return subscribers(t, server, "buildrelay:1:forbidden") == 0
	})
}

// trust is of an authority, nil of those of the system.
func trust(roots *x509.CertPool) *redisconn.TLS {
	return &redisconn.TLS{Roots: func() *x509.CertPool { return roots }}
}

func TestAUserWithAPasswordOverTLSWithAPrivateAuthority(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	server := relaytest.StartRedis(t, relaytest.RedisTLS(certs), relaytest.RedisPassword("other"), relayUser("&buildrelay:*"))
	url := func(user, password string, roots *x509.CertPool) func(*broker.Config) {
		return func(c *broker.Config) {
			var err error
			if c.Redis, err = redisconn.ParseURL(auth.Secret(server.URLFor(user, password)), trust(roots)); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := startRig(t, "", url("relay", "hunter2", certs.Pool))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.publish("1", event("a", "1"))
	r.expect("event 1 a e 1")

	refused := map[string]struct {
		config func(*broker.Config)
		reason string
	}{
		"an authority of no trust": {url("relay", "hunter2", nil), "certificate"},
		"a wrong password":         {url("relay", "wrong", certs.Pool), "WRONGPASS"},
		"no password":              {url("", "", certs.Pool), "NOAUTH"},
		"no TLS": {func(c *broker.Config) {
			url("relay", "hunter2", certs.Pool)(c)
			o := c.Redis.Options(server.Address())
			o.TLSConfig = nil
			c.Redis = redisconn.Single(o)
		}, "connecting"},
	}
	for name, c := range refused {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "", c.config).start()
			r.expectLog("level=WARN", "Redis is not heard", c.reason)
			if r.Ready() == nil {
				t.Error("ready")
			}
			if _, err := r.Publish(t.Context(), "1", events("a", "1")); err == nil {
				t.Error("published")
			}
		})
	}
}

func TestAPrefixKeepsRelaysOfOneRedisApart(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&other:*"))
	other := startRig(t, server.URLFor("relay", "hunter2"), func(c *broker.Config) { c.Prefix = "other" })
	plain := startRig(t, server.URL())
	for _, r := range []*rig{other, plain} {
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
	}
	other.publish("1", event("a", "of other"))
	plain.publish("1", event("a", "of plain"))
	send(t, server, "other:1:a", `{"event":"e","data":"end"}`)
	send(t, server, "buildrelay:1:a", `{"event":"e","data":"end"}`)
	other.expect("event 1 a e of other", "event 1 a e end")
	plain.expect("event 1 a e of plain", "event 1 a e end")
}

// A node that may publish nothing hears no heartbeat. It is not ready, and holds
// its subscribers instead of telling them now and again that they lost something.
func TestANodeThatMayNotPublishIsNotReady(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:*", "-publish"))
	r := newRig(t, server.URLFor("relay", "hunter2"))
	r.Watch("1", "a")
	r.start()
	r.expectLog("level=WARN", "publishing to Redis fails", "NOPERM")
	r.expect("confirmed 1 a")
	if r.Ready() == nil {
		t.Error("ready")
	}
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "relay", "+publish").Err(); err != nil {
		t.Fatal(err)
	}
	r.waitReady()
}

func TestANodeThatMayNotHearItsHeartbeatSaysSo(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relayUser("&buildrelay:1:*"))
	r := newRig(t, server.URLFor("relay", "hunter2"))
	r.Watch("1", "a")
	r.start()
	r.expectLog("level=WARN", "Redis is not heard", "heartbeat", "NOPERM")
	if text, told := r.told.take(); told {
		t.Errorf("told %q", text)
	}
}
