package broker_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/broker"
)

func TestTheEmbeddedRedisServesABroker(t *testing.T) {
	t.Parallel()
	server, err := broker.StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	r := startRig(t, string(server.URL()), slanger(false))
	for range 50 {
		r.Watch("1", "a")
		r.expect("confirmed 1 a")
		r.publish("2", event("a", "of another app"))
		r.publish("1", event("a", "1"), event("a", "2"))
		r.expect("event 1 a e 1", "event 1 a e 2")
		r.Unwatch("1", "a")
	}

	backend := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer backend.Close()
	r.Watch("1", "b")
	r.expect("confirmed 1 b")
	if n, err := backend.Publish(t.Context(), "buildrelay:1:b", `{"event":"e","data":"3"}`).Result(); n != 1 || err != nil {
		t.Errorf("PUBLISH reached %d (%v), want 1", n, err)
	}
	r.expect("event 1 b e 3")
	server.Close()
	r.expect("interrupted")
}
