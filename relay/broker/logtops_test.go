package broker_test

import (
	"fmt"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

func TestWhereLogsEndIsReadOfAllMastersThatAnswer(t *testing.T) {
	t.Parallel()
	cluster := relaytest.StartRedisCluster(t, relaytest.ClusterNodeTimeout(time.Minute))
	r := startRig(t, cluster.URL(), allLogs(protocol.NewLogRule("*")))
	var logs []string
	for i := range 30 {
		logs = append(logs, fmt.Sprintf("l%d", i))
	}
	for _, log := range logs {
		if _, err := r.Publish(t.Context(), "1", []protocol.Event{event(log, "1")}); err != nil {
			t.Fatal(err)
		}
	}
	key := func(log string) string { return "buildrelay:{1:" + log + "}" }
	away := cluster.MasterOf(key(logs[0]))
	has := make(map[string]bool)
	for _, log := range logs {
		has[log] = cluster.MasterOf(key(log)) == away
	}
	away.Freeze()
	tops, err := r.LogTops(t.Context(), names(logs))
	if err == nil || len(tops) != len(logs) {
		t.Fatalf("%d logs, %v", len(tops), err)
	}
	for i, log := range logs {
		if tops[i].Unread != has[log] || has[log] == (tops[i].At.ID.Offset == 1) {
			t.Errorf("%s, whose master is away: %v, ends at %+v", log, has[log], tops[i])
		}
	}
}
