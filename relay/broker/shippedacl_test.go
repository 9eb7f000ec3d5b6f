package broker_test

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// shippedRelay is the user relay of deploy/redis, with more rights.
func shippedRelay(t *testing.T, more ...string) relaytest.RedisOption {
	t.Helper()
	text, err := os.ReadFile("../../deploy/redis/buildrelay.acl")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, found := strings.Cut(string(text), "user relay reset on #RELAY ")
	if !found {
		t.Fatal("the file has no user relay")
	}
	rules, _, _ = strings.Cut(rules, "\n")
	return relaytest.RedisUser("relay", append(append([]string{"reset", "on", ">hunter2"}, strings.Fields(rules)...), more...)...)
}

// as has the user relay log in where a URL leads to.
func as(redisURL string) string { return strings.Replace(redisURL, "://", "://relay:hunter2@", 1) }

// The rights that docs/OPERATIONS.md adds are enough in a Cluster and with Sentinels.
func TestTheShippedRightsAndTheAddedOnesAreEnoughWhereverTheMastersAre(t *testing.T) {
	t.Parallel()
	rule := protocol.NewLogRule("*")
	t.Run("in a Cluster", func(t *testing.T) {
		t.Parallel()
		cluster := relaytest.StartRedisCluster(t, relaytest.ClusterNodes(shippedRelay(t, "+cluster|slots")))
		works(t, as(cluster.URL()), rule)
		for _, node := range cluster.Nodes() {
			expectNothingRefused(t, node.Client())
		}
	})
	t.Run("with Sentinels, and a replica that has to have everything", func(t *testing.T) {
		t.Parallel()
		group := relaytest.StartRedisSentinel(t, relaytest.SentinelNodes(shippedRelay(t, "+wait")))
		for address := range strings.SplitSeq(hostsOf(group.URL()), ",") {
			sentinel := relaytest.RedisClient(t, "redis://"+address)
			if err := sentinel.Do(t.Context(), "ACL", "SETUSER", "asking", "on", ">hunter2", "-@all", "+sentinel|master", "+sentinel|get-master-addr-by-name").Err(); err != nil {
				t.Fatal(err)
			}
		}
		asking := url.Values{"sentinel_user": {"asking"}, "sentinel_password": {"hunter2"}}
		rule := rule
		rule.Replicas = 1
		works(t, as(group.URL())+"?"+asking.Encode(), rule)
		expectNothingRefused(t, group.Master().Client())
	})
}

// hostsOf are the hosts of a URL, as they stand there.
func hostsOf(redisURL string) string {
	_, rest, _ := strings.Cut(redisURL, "://")
	hosts, _, _ := strings.Cut(rest, "/")
	return hosts
}

// works has a node hear, publish, append and read.
func works(t *testing.T, redisURL string, rule protocol.LogRule) {
	t.Helper()
	r := startRig(t, redisURL, allLogs(rule))
	r.Watch("1", "a")
	r.expect("confirmed 1 a")
	r.Watch("1", "l")
	r.expect("confirmed 1 l")
	r.publishPatiently(event("a", "1"))
	r.expect("event 1 a e 1")
	receipt := r.publishPatiently(event("l", "2"))
	tops, err := r.LogTops(t.Context(), names([]string{"l"}))
	if err != nil || tops[0].At != receipt.Positions[0] {
		t.Errorf("the log ends at %v: %v", tops, err)
	}
}

// publishPatiently publishes an event for app 1, again until as many replicas have it as the
// rule asks for.
func (r *rig) publishPatiently(e protocol.Event) (receipt protocol.Receipt) {
	r.t.Helper()
	e.ID = "of " + e.Channel
	relaytest.Eventually(r.t, "the replicas have it", func() bool {
		var err error
		receipt, err = r.Publish(r.t.Context(), "1", []protocol.Event{e})
		if err != nil && !errors.Is(err, protocol.ErrNotReplicated) {
			r.t.Fatal(err)
		}
		return err == nil
	})
	return receipt
}

func expectNothingRefused(t *testing.T, client *redis.Client) {
	t.Helper()
	log, err := client.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range log {
		t.Errorf("refused: %s of %s (%s)", entry.Object, entry.Username, entry.Reason)
	}
}
