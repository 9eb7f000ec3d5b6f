package broker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// Who begins anew with each link misses nothing: it reads what was told, and hears what is.
func TestATopicBeginsWithEachLinkBeforeAnyChannelIsHeard(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	told := newRecord()
	var fails atomic.Bool
	fails.Store(true)
	topics := func(c *broker.Config) {
		c.Topics = []broker.Topic{
			{
				Name:  "words",
				Begin: func(context.Context) error { told.add("begin"); return firstFails(&fails) },
				Hear:  func(text string) { told.add(text) },
			},
			{Name: "others", Hear: func(text string) { told.add("other " + text) }},
		}
	}
	r := newRig(t, server.URL(), topics)
	r.Watch("1", "a")
	r.start().waitReady()
	r.expect("confirmed 1 a")
	if err := r.Tell(t.Context(), "words", "one"); err != nil {
		t.Fatal(err)
	}
	if err := r.Tell(t.Context(), "others", "two"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"begin", "begin", "one", "other two"} { // the first link failed
		if got := told.next(t, want); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if err := server.Client().Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	if got := told.next(t, "begin"); got != "begin" {
		t.Errorf("a new link begins with %q", got)
	}
	r.expect("interrupted", "confirmed 1 a")
}

func firstFails(fails *atomic.Bool) error {
	if fails.Swap(false) {
		return errors.New("Redis is busy")
	}
	return nil
}
