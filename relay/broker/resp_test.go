package broker_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// Names, data and ids that look like Redis' protocol reach Redis, and come back, as what they are.
func TestWhatLooksLikeACommandOfRedisIsData(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	if err := server.Client().Set(t.Context(), "mine", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r, l := startRig(t, server.URL()), newLogRig(t, server.URL())
	r.Watch("2", "a")
	r.expect("confirmed 2 a")
	texts := []string{
		"\r\nFLUSHALL\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "x\r\n+OK\r\n-ERR no\r\n", "\x00\r\n:1\r\n$-1\r\n", "' FLUSHALL '", "] redis.call('FLUSHALL') --[",
	}
	for _, text := range texts {
		r.publish("2", protocol.Event{Name: text, Channel: "a", Data: text, ID: text})
		r.expect("event 2 a " + text + " " + text)
		if _, err := l.Publish(t.Context(), "1", []protocol.Event{{Name: text, Channel: "a", Data: text, ID: text}}); err != nil {
			t.Errorf("appending %q: %v", text, err)
		}
	}
	page := l.read(first)
	if diff := cmp.Diff(texts, datas(page)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	for i, e := range page.Entries {
		if e.Name != texts[i] {
			t.Errorf("the event %q is named %q", texts[i], e.Name)
		}
	}
	if mine := server.Client().Get(t.Context(), "mine").Val(); mine != "x" {
		t.Error("the database was emptied")
	}
	if stats := server.Client().Info(t.Context(), "commandstats").Val(); strings.Contains(stats, "flushall") {
		t.Errorf("Redis was told so:\n%s", stats)
	}
}
