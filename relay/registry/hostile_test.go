package registry_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// Others may write to Redis. Nothing that they make of a session's key sends anybody
// anywhere, and who claims the session has it.
func TestForgedOwnersAreNobody(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		ours, theirs := auth.NewCluster(secret), auth.NewCluster("the secret of somebody else entirely")
		const evil = "http://evil.example.com"
		name := ours.SessionName(session)
		sign := func(url string) string { return url + " " + ours.SignOwner(name, url) }
		tests := map[string]any{
			"unsigned":                  evil,
			"a space":                   " ",
			"no signature":              evil + " ",
			"no URL":                    " " + ours.SignOwner(name, ""),
			"another secret":            evil + " " + theirs.SignOwner(name, evil),
			"another session's":         urlB + " " + ours.SignOwner(ours.SessionName("key/1/other000"), urlB),
			"another URL":               evil + " " + ours.SignOwner(name, urlB),
			"more behind it":            sign(urlB) + "x",
			"huge":                      sign(urlB) + strings.Repeat("x", 1<<20),
			"signed, with a path":       sign(urlB + "/path"),
			"signed, with a user":       sign("http://user@10.0.0.2"),
			"signed, no scheme of ours": sign("gopher://10.0.0.2"),
			"signed, no URL":            sign("://"),
			"a list":                    []any{"LPUSH", "x"},
			"a hash":                    []any{"HSET", "x", "y"},
		}
		for what, value := range tests {
			t.Run(what, func(t *testing.T) {
				key := prefix + ":~session:" + name
				command := []any{"SET", key, value}
				if other, is := value.([]any); is {
					command = append([]any{other[0], key}, other[1:]...)
				}
				if err := client.Del(t.Context(), key).Err(); err != nil {
					t.Fatal(err)
				}
				if err := client.Do(t.Context(), command...).Err(); err != nil {
					t.Fatal(err)
				}
				a, b := startNode(t, url, urlA, lazy), startNode(t, url, urlB, lazy)
				a.owner(session, "")
				if n := testutil.ToFloat64(a.metrics.Dropped.WithLabelValues("session")); n != 1 {
					t.Errorf("%v values were dropped, want 1", n)
				}
				a.claim(session, "")
				b.awaitOwner(session, urlA)
				a.Release(session)
				b.awaitOwner(session, "")
				a.stop()
				b.stop()
			})
		}
	})
}

func TestNodesOfAnotherSecretAreStrangers(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, stranger := startNode(t, url, urlA, lazy), startNode(t, url, urlB, lazy, otherSecret)
		a.claim(session, "")
		stranger.owner(session, "")
		stranger.claim(session, "")
		a.owner(session, "")
	})
}
