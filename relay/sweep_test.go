package relay

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/metrics"
)

// The setting of the silence after which a client is asked holds however long it may take to
// answer: balancers cut who is silent for longer.
func TestAClientThatAnswersIsAskedAgainAfterTheSameSilence(t *testing.T) {
	h := New(Config{Metrics: metrics.New(prometheus.NewRegistry()), PingAfter: 10 * time.Second, PongTimeout: 30 * time.Second})
	c := &Conn{hub: h, worker: h.workers[0]}
	var asked []int64
	for now := int64(10); now < 60; {
		h.clock.Store(now)
		before := c.probed
		next := c.checkSilence(now)
		if c.probed != before {
			asked = append(asked, now)
			c.Seen() // it answers at once
		}
		now = next
	}
	if len(asked) != 5 || asked[4] != 50 {
		t.Errorf("asked at the seconds %v, want every 10", asked)
	}
}
