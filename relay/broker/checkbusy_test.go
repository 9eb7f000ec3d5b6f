package broker_test

import (
	"strings"
	"testing"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// What will pass is no reason for a node not to start.
func TestARedisThatIsBusyIsLookedAtLater(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisSettings("busy-reply-threshold 10"))
	r := newRig(t, server.URL())
	client := server.Client()
	over := make(chan error, 1)
	go func() { over <- client.Eval(t.Context(), "while true do end", nil).Err() }() // the test waits for it
	relaytest.Eventually(t, "Redis is busy", func() bool {
		err := client.Get(t.Context(), "a").Err()
		return err != nil && strings.HasPrefix(err.Error(), "BUSY")
	})
	found, err := r.CheckStart(t.Context(), broker.Needs{AppID: "1"})
	if err == nil {
		t.Errorf("found out: %+v", found)
	}
	relaytest.Eventually(t, "the script is killed", func() bool { return client.ScriptKill(t.Context()).Err() == nil })
	if err := <-over; err == nil {
		t.Error("the script ended by itself")
	}
	if found, err := r.CheckStart(t.Context(), broker.Needs{AppID: "1"}); err != nil {
		t.Errorf("found out: %+v, %v", found, err)
	}
}
