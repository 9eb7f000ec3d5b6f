package broker_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/relaytest"
)

func TestEventsThatALogDoesNotKeepAreWarnedOfOnceAChannel(t *testing.T) {
	t.Parallel()
	l := newLogRig(t, relaytest.StartRedis(t).URL())
	l.start()
	l.waitReady()
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	for range 3 {
		l.do("PUBLISH", "buildrelay:1:a", `{"event":"e","data":"1"}`)
		l.expect("event 1 a e 1")
	}
	warned := 0
	for line, ok := l.logged.take(); ok; line, ok = l.logged.take() {
		if strings.Contains(line, "not kept") {
			warned++
		}
	}
	if n := testutil.ToFloat64(l.metrics.LogUnkept); n != 3 || warned != 1 {
		t.Errorf("counted %v of 3 events, warned %d times", n, warned)
	}
}
