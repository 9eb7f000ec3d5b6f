package metrics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/metrics"
)

func TestStateIsAskedForWhenItIsRead(t *testing.T) {
	reg := prometheus.NewRegistry()
	var broken error
	metrics.State{
		Version: "v1.2.3", Revision: "abc",
		Ready: map[string]func() error{
			"redis":  func() error { return broken },
			"roster": func() error { return nil },
		},
	}.Register(reg)
	expect := func(redis string) {
		t.Helper()
		want := `
# HELP buildrelay_build_info Always 1; the labels tell what runs.
# TYPE buildrelay_build_info gauge
buildrelay_build_info{revision="abc",version="v1.2.3"} 1
# HELP buildrelay_ready 1 while this part of the node can do its work.
# TYPE buildrelay_ready gauge
buildrelay_ready{part="redis"} ` + redis + `
buildrelay_ready{part="roster"} 1
`
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
			t.Error(err)
		}
	}
	expect("1")
	broken = errors.New("no answer")
	expect("0")
}
