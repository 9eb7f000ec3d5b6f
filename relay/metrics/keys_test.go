package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/metrics"
)

// The series of keys come and go with the keys.
func TestKeysAreAskedForWhenTheyAreRead(t *testing.T) {
	reg := prometheus.NewRegistry()
	keys := []metrics.Key{
		{App: "ci", Key: "old", State: "retiring", Since: time.Unix(10, 0), Used: time.Unix(20, 5e8), Refused: 3},
		{App: "ci", Key: "new", State: "active", Since: time.Unix(11, 0)},
	}
	metrics.State{Keys: func() []metrics.Key { return keys }}.Register(reg)
	expect := func(want string) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want),
			"buildrelay_key_last_used_timestamp_seconds", "buildrelay_key_state_timestamp_seconds", "buildrelay_key_refused_total"); err != nil {
			t.Error(err)
		}
	}
	expect(`
# HELP buildrelay_key_last_used_timestamp_seconds When a key of an app was used last on this node, since its start.
# TYPE buildrelay_key_last_used_timestamp_seconds gauge
buildrelay_key_last_used_timestamp_seconds{app="ci",key="old"} 20.5
# HELP buildrelay_key_refused_total Uses of a key that is revoked, or lacks the right.
# TYPE buildrelay_key_refused_total counter
buildrelay_key_refused_total{app="ci",key="new"} 0
buildrelay_key_refused_total{app="ci",key="old"} 3
# HELP buildrelay_key_state_timestamp_seconds When this node found a key of an app in its state.
# TYPE buildrelay_key_state_timestamp_seconds gauge
buildrelay_key_state_timestamp_seconds{app="ci",key="new",state="active"} 11
buildrelay_key_state_timestamp_seconds{app="ci",key="old",state="retiring"} 10
`)
	keys = nil
	expect("")
}
