package relaytest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
)

func TestSentinelsMakeTheReplicaTheMasterOfADeadOne(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	first, second := group.Master(), group.Replica()
	set(t, group.Client(), "k", "v")
	if n, err := first.Client().Wait(t.Context(), 1, 5*time.Second).Result(); n != 1 || err != nil {
		t.Errorf("%d replicas have it, %v", n, err)
	}
	first.Kill()
	if master := group.AwaitPromotion(); master != second || group.Master() != second {
		t.Fatalf("the master is %s", master.Address())
	}
	relaytest.Eventually(t, "the client finds the new master", func() bool {
		return group.Client().Get(t.Context(), "k").Val() == "v"
	})
	first.Restart()
	group.AwaitSync()
	if group.Replica() != first {
		t.Error("the old master is no replica")
	}
	if master := group.FailOver(); master != first {
		t.Errorf("the master is %s", master.Address())
	}
}

func TestReplicaThatIsCutOffLacksWhatTheMasterWasTold(t *testing.T) {
	t.Parallel()
	group := relaytest.StartRedisSentinel(t)
	set(t, group.Client(), "k", "old")
	if n, err := group.Master().Client().Wait(t.Context(), 1, 5*time.Second).Result(); n != 1 || err != nil {
		t.Errorf("%d replicas have it, %v", n, err)
	}
	group.CutReplica()
	set(t, group.Client(), "k", "new")
	if got := group.Replica().Client().Get(t.Context(), "k").Val(); got != "old" {
		t.Errorf("the replica that is cut off has %q", got)
	}
	group.JoinReplica()
	group.AwaitSync()
	relaytest.Eventually(t, "the replica has what is new", func() bool {
		return group.Replica().Client().Get(t.Context(), "k").Val() == "new"
	})
}

func TestSentinelsDemandPasswordsAndSpeakTLS(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	group := relaytest.StartRedisSentinel(t, relaytest.SentinelPassword("watch"),
		relaytest.SentinelNodes(relaytest.RedisPassword("pass"), relaytest.RedisTLS(certs)))
	set(t, group.Client(), "k", "v")
	if url := group.URL(); !strings.HasPrefix(url, "rediss+sentinel://default:pass@127.0.0.1:") ||
		!strings.HasSuffix(url, "/relaytest?sentinel_password=watch") || strings.Count(url, "127.0.0.1:") != 3 {
		t.Errorf("URL %s", url)
	}
	if n, err := group.Master().Client().Wait(t.Context(), 1, 5*time.Second).Result(); n != 1 || err != nil {
		t.Fatalf("%d replicas have it, %v", n, err)
	}
	group.FailOver()
	relaytest.Eventually(t, "the client finds the new master", func() bool {
		return group.Client().Get(t.Context(), "k").Val() == "v"
	})
}

func set(t *testing.T, client redis.UniversalClient, key, value string) {
	t.Helper()
	if err := client.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
}
