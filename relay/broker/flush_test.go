package broker_test

import (
	"context"
	"sync"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// Readers are served when there is nothing more to read: an event that is not
// followed by this would stay with the node.
func TestFlushFollowsTheLastEvent(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	told := newRecord()
	r := newRig(t, server.URL())
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx, sink{told}, func() { told.add("flush") }) })
	defer running.Wait()
	defer stop()

	r.Watch("1", "a")
	for told.next(t, "confirmed 1 a") != "confirmed 1 a" {
	}
	r.publish("1", protocol.Event{Name: "one", Channel: "a", Data: "1"}, protocol.Event{Name: "two", Channel: "a", Data: "2"})
	for told.next(t, "event 1 a two 2") != "event 1 a two 2" {
	}
	if got := told.next(t, "flush"); got != "flush" {
		t.Errorf("after the last event the broker told %q, want flush", got)
	}
}
