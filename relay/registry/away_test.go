package registry_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/registry"
	"buildrelay/relay/relaytest"
)

func otherSecret(c *registry.Config) { c.Cluster = auth.NewCluster("the secret of another cluster") }

// Sessions that Redis lost are there again long before their next turn.
func TestSessionsOutliveWhatRedisLoses(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, server *relaytest.Redis){
		"all keys": func(t *testing.T, server *relaytest.Redis) {
			if err := server.Client().FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
		"a restart": func(_ *testing.T, server *relaytest.Redis) { server.Restart() },
		"a kill": func(_ *testing.T, server *relaytest.Redis) {
			server.Kill()
			server.Restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := relaytest.StartRedis(t)
			a, b := startNode(t, server.URL(), urlA, lazy), startNode(t, server.URL(), urlB, lazy)
			const sessions = 1200 // more than are told at once
			for i := range sessions {
				a.claim(fmt.Sprint("key/1/", i), "")
			}
			b.owner("key/1/0", urlA)
			lose(t, server)
			for i := range sessions {
				b.awaitOwner(fmt.Sprint("key/1/", i), urlA)
			}
			a.Release("key/1/0")
			b.awaitOwner("key/1/0", "")
		})
	}
}

// A snapshot has the mark, but an old one.
func TestSessionsOutliveASnapshot(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisSnapshots())
	a, b := startNode(t, server.URL(), urlA, lazy), startNode(t, server.URL(), urlB, lazy)
	a.claim("key/1/before00", "")
	if err := server.Client().Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	a.claim(session, "")
	server.Kill()
	server.Restart()
	b.awaitOwner(session, urlA)
	b.owner("key/1/before00", urlA)
}

// Who claims while Redis is away has the session, and Redis is told afterwards.
func TestASessionThatWasClaimedWithoutRedisIsToldLater(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, b := startNode(t, server.URL(), urlA, lazy), startNode(t, server.URL(), urlB, lazy)
	a.claim("key/1/given000", "")
	b.owner("key/1/given000", urlA)
	server.Stop()
	owner, err := a.Claim(t.Context(), session)
	if owner != nil || err == nil {
		t.Errorf("without Redis %v has it, %v", owner, err)
	}
	if _, err := b.Owner(t.Context(), session); err == nil {
		t.Error("without Redis there is an answer")
	}
	if owner, err := a.Owner(t.Context(), session); owner != nil || err != nil {
		t.Errorf("for a node's own session Redis is asked: %v, %v", owner, err)
	}
	a.Release("key/1/given000")
	server.Restart()
	b.awaitOwner(session, urlA)
	b.owner("key/1/given000", "")
}

// A claim ends though Redis says nothing.
func TestASilentRedisHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, b := startNode(t, server.URL(), urlA, lazy), startNode(t, server.URL(), urlB, lazy)
	a.claim("key/1/before00", "")
	server.Freeze()
	t.Cleanup(server.Thaw)
	if owner, err := a.Claim(t.Context(), session); owner != nil || err == nil {
		t.Errorf("%v has it, %v", owner, err)
	}
	relaytest.Eventually(t, "Redis is known to be away", func() bool {
		_, err := a.Claim(t.Context(), session)
		return err != nil && err.Error() == "claiming a session: Redis is away"
	})
	server.Thaw()
	b.awaitOwner(session, urlA)
}

// What Redis answers to a claim that was given up makes nobody the owner of what is released.
func TestAClaimThatNobodyWaitsForClaimsNothing(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, b := startNode(t, server.URL(), urlA, lazy), startNode(t, server.URL(), urlB, lazy)
	a.claim("key/1/kept0000", "")
	b.owner("key/1/kept0000", urlA)
	server.Freeze()
	t.Cleanup(server.Thaw)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, name := range []string{session, "key/1/goes0000"} {
		if owner, err := a.Claim(ctx, name); owner != nil || err == nil {
			t.Errorf("%v has it, %v", owner, err)
		}
	}
	a.Release("key/1/goes0000")
	server.Thaw()
	b.awaitOwner(session, urlA)
	relaytest.Eventually(t, "another node may claim it", func() bool {
		owner, err := b.Claim(t.Context(), "key/1/goes0000")
		return err == nil && owner == nil
	})
	a.claim("key/1/last0000", "") // all that was due before has been told when this is gone
	a.Release("key/1/last0000")
	b.awaitOwner("key/1/last0000", "")
	a.owner("key/1/goes0000", urlB)
}

// A node starts though Redis is not there yet, and stops though it is not there any more.
func TestRedisNeedNotBeThere(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	server.Stop()
	a := startNode(t, server.URL(), urlA, lazy)
	if owner, err := a.Claim(t.Context(), session); owner != nil || err == nil {
		t.Errorf("%v has it, %v", owner, err)
	}
	server.Restart()
	b := startNode(t, server.URL(), urlB, lazy)
	b.awaitOwner(session, urlA)
	server.Stop()
	a.stop()
	b.stop()
}

// The rights that docs/OPERATIONS.md gives a node are enough.
func TestTheDocumentedRightsAreEnough(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisUser("relay", append([]string{"on", ">pw"}, documentedRights(t)...)...))
	url := server.URLFor("relay", "pw")
	a, b := startNode(t, url, urlA), startNode(t, url, urlB)
	a.claim(session, "")
	b.owner(session, urlA)
	a.Release(session)
	b.awaitOwner(session, "")
	b.claim(session, "")
	b.stop()
	a.claim(session, "")
}

// documentedRights are the rules of the user that nodes need.
func documentedRights(t testing.TB) []string {
	t.Helper()
	manual, err := os.ReadFile("../../docs/OPERATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, found := strings.Cut(string(manual), "ACL SETUSER relay on >PASSWORD ")
	line, _, _ = strings.Cut(line, "\n")
	if !found {
		t.Fatal("the manual does not tell the rights of a node any more")
	}
	return strings.Fields(line)
}
