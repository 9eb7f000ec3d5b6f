package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/auth"
	"buildrelay/relay/registry"
	"buildrelay/relay/relaytest"
)

func TestASessionIsTheNodesThatClaimsItFirst(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, b := startNode(t, url, urlA, lazy), startNode(t, url, urlB, lazy)
		a.owner(session, "")
		a.claim(session, "")
		a.owner(session, "")
		a.claim(session, "")
		b.owner(session, urlA)
		b.claim(session, urlA)
		b.claim(session+"c", "")
		a.owner(session+"c", urlB)
		a.Release(session)
		b.awaitOwner(session, "")
		b.claim(session, "")
		a.owner(session, urlB)
		a.Release(session) // it is not a's any more
		a.owner(session, urlB)
		a.Release("key/1/never000")
		b.Release(session + "c")
		a.awaitOwner(session+"c", "")
		a.owner(session, urlB)
	})
}

// However many claim a session at a time, one of them has it.
func TestASessionIsOneNodes(t *testing.T) {
	t.Parallel()
	url := relaytest.StartRedis(t).URL()
	nodes := []*node{startNode(t, url, urlA), startNode(t, url, urlB), startNode(t, url, "http://c:1")}
	const sessions = 200
	var has [sessions]atomic.Int32
	var claiming sync.WaitGroup
	for _, n := range nodes {
		for i := range sessions {
			claiming.Go(func() {
				switch owner, err := n.Claim(t.Context(), fmt.Sprint("key/1/", i)); {
				case err != nil:
					t.Errorf("claiming: %v", err)
				case owner == nil:
					has[i].Add(1)
				}
			})
		}
	}
	claiming.Wait()
	for i := range sessions {
		if n := has[i].Load(); n != 1 {
			t.Errorf("session %d is of %d nodes", i, n)
		}
	}
}

// What Redis has in the end is what was said last, though it is told behind.
func TestSessionsComeAndGoQuickly(t *testing.T) {
	t.Parallel()
	url := relaytest.StartRedis(t).URL()
	a, b := startNode(t, url, urlA, lazy), startNode(t, url, urlB, lazy)
	var users sync.WaitGroup
	for i := range 20 {
		users.Go(func() {
			name := fmt.Sprint("key/2/", i)
			for range 50 {
				a.claim(name, "")
				a.Release(name)
			}
			if i%2 == 0 {
				a.claim(name, "")
			}
		})
	}
	users.Wait()
	for i := range 20 {
		want := ""
		if i%2 == 0 {
			want = urlA
		}
		b.awaitOwner(fmt.Sprint("key/2/", i), want)
	}
	a.claim("key/2/last", "") // all that was due has been told when this is gone
	a.Release("key/2/last")
	b.awaitOwner("key/2/last", "")
	for i := 0; i < 20; i += 2 {
		b.owner(fmt.Sprint("key/2/", i), urlA)
	}
}

// A node that died is no owner for longer than its lease; one that lives is.
func TestADeadNodeIsForgotten(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		plant(t, url, session, urlA, 6*time.Second)
		alive := startNode(t, url, "http://alive:1", func(c *registry.Config) {
			c.Lease, c.Refresh = 6*time.Second, 100*time.Millisecond
		})
		b := startNode(t, url, urlB)
		alive.claim("key/1/alive000", "")
		b.owner(session, urlA)
		b.claim(session, urlA)
		b.awaitOwner(session, "")
		b.owner("key/1/alive000", "http://alive:1")
		b.claim(session, "")
		alive.owner(session, urlB)
	})
}

// A process that was started again at the same URL has none of the old one's sessions.
func TestWhatAFormerProcessLeftIsNobodys(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		plant(t, url, session, urlA, time.Hour)
		again, b := startNode(t, url, urlA, lazy), startNode(t, url, urlB)
		again.owner(session, "")
		b.owner(session, urlA)
		again.claim(session, "")
		again.Release(session)
		b.awaitOwner(session, "")
	})
}

// plant has Redis say for a while that a session is the node's at a URL.
func plant(t testing.TB, url, session, nodeURL string, lease time.Duration) {
	t.Helper()
	cluster := auth.NewCluster(secret)
	name := cluster.SessionName(session)
	value := nodeURL + " " + cluster.SignOwner(name, nodeURL)
	if err := relaytest.RedisClient(t, url).Set(t.Context(), prefix+":~session:"+name, value, lease).Err(); err != nil {
		t.Fatal(err)
	}
}

// A node gives up what it has, and not what became another's.
func TestAReleaseLeavesAnothersSession(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, c := startNode(t, url, urlA, lazy), startNode(t, url, "http://c:1", lazy)
		a.claim(session, "")
		a.claim("key/1/last0000", "")
		plant(t, url, session, urlB, time.Hour)
		a.Release(session)
		c.owner("key/1/last0000", urlA)
		a.Release("key/1/last0000")
		c.awaitOwner("key/1/last0000", "") // then all that was due before has been told, too
		c.owner(session, urlB)
	})
}

func TestTheEndOfANodeIsTheEndOfItsSessions(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, urlA)
		a.claim(session, "")
		a.claim("key/1/another0", "")
		if keys := keysOf(t, client); len(keys) < 2 {
			t.Errorf("the keys are %q", keys)
		}
		a.stop()
		if keys := keysOf(t, client); len(keys) != 0 {
			t.Errorf("%d keys are left, such as %s", len(keys), keys[0])
		}
	})
}

// Who can read Redis finds no session there, and nothing stays for ever.
func TestRedisIsNotTrustedWithSessions(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		a := startNode(t, url, urlA)
		a.claim(session, "")
		relaytest.Eventually(t, "the mark is there", func() bool { return len(keysOf(t, client)) == 2 })
		for _, key := range keysOf(t, client) {
			value, err := client.Get(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(key+value, "9k2vd0ab") || strings.Contains(key+value, "417") && !strings.Contains(key, "~") || strings.Contains(key+value, secret) {
				t.Errorf("%s holds %s", key, value)
			}
			if !strings.HasPrefix(key, prefix+":~") {
				t.Errorf("the key %s does not begin with the prefix", key)
			}
			if ttl := client.TTL(t.Context(), key).Val(); ttl <= 0 || ttl > time.Minute {
				t.Errorf("%s lives for %s", key, ttl)
			}
		}
	})
}

func keysOf(t testing.TB, client *redis.Client) []string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
