package broker_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// What is refused is neither published nor kept, whichever of the two it is that fails.
func TestAnEventIsKeptAndPublishedOrNeither(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("node", nodeRights), user("mute", nodeRights, "resetchannels", "&buildrelay:~beat:*"),
		user("forgetful", nodeRights, "-set"))
	r := newCacheRig(t, server.URLFor("node", "hunter2"))
	r.publish("1", event("cache-a", "1"))
	r.expect("event 1 cache-a e 1")
	refused := func(of *rig) {
		t.Helper()
		if _, err := of.Publish(t.Context(), "1", events("cache-a", "refused")); err == nil {
			t.Error("published")
		}
		r.expectCached("1")
	}
	refused(newRig(t, server.URLFor("mute", "hunter2")))
	refused(newRig(t, server.URLFor("forgetful", "hunter2")))
	for _, setting := range []string{"1", "0"} {
		if err := server.Client().ConfigSet(t.Context(), "maxmemory", setting).Err(); err != nil {
			t.Fatal(err)
		}
		if setting == "1" {
			refused(r.rig) // Redis is full
		}
	}
	send(t, server, "buildrelay:1:cache-a", `{"event":"end"}`)
	r.expect("event 1 cache-a end null")
}

func TestThatCachesCannotBeReadIsSaidOnce(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, user("node", nodeRights, "-pttl"))
	r := newRig(t, server.URLFor("node", "hunter2"))
	for range 3 {
		if cached, err := r.ReadCaches(t.Context(), []protocol.ChannelName{cacheA}); err == nil {
			t.Errorf("read %+v", cached)
		}
	}
	r.expectLog("level=WARN", "cache channels cannot be read", "NOPERM")
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "node", "+pttl").Err(); err != nil {
		t.Fatal(err)
	}
	if c := r.readCaches(cacheA)[0]; !cmp.Equal(c, protocol.Cached{}) {
		t.Errorf("cached %+v", c)
	}
	if line, again := r.logged.take(); again {
		t.Errorf("logged %q", line)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.ReadCaches(ended, []protocol.ChannelName{cacheA}); err == nil {
		t.Error("read after the context had ended")
	}
	if line, logged := r.logged.take(); logged {
		t.Errorf("a reader that gave up is logged: %q", line)
	}
}
