package faults_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

func TestACommandLinkSwallowsCommandsAlone(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	link := faults.StartCommandLink(t, server.Address())
	client := clientOf(t, link.Address())
	old := client.Subscribe(t.Context(), "news")
	defer old.Close()
	if _, err := old.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, client)
	link.Swallow()
	for range 2 { // on an old connection, and on a new one
		if err := client.Ping(t.Context()).Err(); err == nil {
			t.Error("a command was answered")
		}
	}
	fresh := client.Subscribe(t.Context(), "news")
	defer fresh.Close()
	if _, err := fresh.Receive(t.Context()); err != nil {
		t.Errorf("subscribing while commands are swallowed: %v", err)
	}
	if err := server.Client().Publish(t.Context(), "news", "heard").Err(); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*redis.PubSub{"old": old, "new": fresh} {
		if _, err := p.ReceiveTimeout(t.Context(), relaytest.Patience); err != nil {
			t.Errorf("a subscription that is %s heard nothing: %v", name, err)
		}
	}
	link.Repair()
	answers(t, client)
}
