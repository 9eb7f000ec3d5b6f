package roster_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// Others may write to Redis. What makes no sense is counted and removed, and holds up nothing.
func TestForeignEntriesAreRemoved(t *testing.T) {
	now := fmt.Sprint(time.Now().UnixMilli())
	good := map[string]any{"kind": "client_event", "app": "1", "channel": room, "user": "u", "due": now, "text": `{"event":"client-good","socket_id":"1.2"}`}
	foreign := map[string]map[string]any{
		"no fields of ours":            {"kind": "", "app": "", "channel": "", "due": "", "x": "y"},
		"no app":                       {"app": ""},
		"an app of bytes":              {"app": "\xff"},
		"no kind":                      {"kind": "channel_exploded"},
		"no channel":                   {"channel": "a b"},
		"no due time":                  {"due": ""},
		"a due time of words":          {"due": "soon"},
		"a due time that is too large": {"due": "99999999999999999999"},
		"a due time for ever":          {"due": "9999999999999"},
		"a negative due time":          {"due": "-1"},
		"no user":                      {"kind": "member_added", "user": "", "text": ""},
		"a user of bytes":              {"user": "\xff"},
		"a long user":                  {"user": strings.Repeat("u", 1000)},
		"an odd user":                  {"kind": "channel_occupied", "text": ""},
		"no text":                      {"text": ""},
		"an odd text":                  {"kind": "cache_miss", "user": ""},
		"no JSON":                      {"text": "{"},
		"JSON of bytes":                {"text": "{\"event\":\"\xff\",\"socket_id\":\"1.2\"}"},
		"JSON of numbers":              {"text": `{"event":1,"socket_id":"1.2"}`},
		"no event":                     {"text": `{"socket_id":"1.2"}`},
		"no socket id":                 {"text": `{"event":"client-e","socket_id":"me"}`},
	}
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		for name, changes := range foreign {
			t.Run(name, func(t *testing.T) {
				values := maps.Clone(good)
				maps.Copy(values, changes)
				before := k.lost()
				for _, v := range []map[string]any{values, good} {
					if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: home("1", room) + "out", Values: v}).Err(); err != nil {
						t.Fatal(err)
					}
				}
				k.done(k.expect("client_event presence-room u client-good"))
				if lost := k.lost() - before; lost != 1 {
					t.Errorf("%v are counted as lost, want 1", lost)
				}
				if left := outbox(t, client); len(left) > 0 {
					t.Errorf("left: %q", left)
				}
			})
		}
	})
}

// What others make of the keys of an outbox costs what these held, and nothing else.
func TestForeignKeysOfAnOutboxAreMended(t *testing.T) {
	keys := []string{"out", "bytes", "bytes:1", "lost", "sender", "due:1:" + room + ":u", "due:1:" + room + ":", "tally:1:" + room, "o:1"}
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		for _, key := range keys {
			for _, text := range []string{"", "nonsense", "1-1", "99999999999999999999999-1"} {
				client.FlushAll(t.Context())
				a, k := startNode(t, url, withOutbox, quick), newTaker(t, url, time.Hour)
				if text == "" {
					client.LPush(t.Context(), home("1", room)+key, "x")
				} else {
					client.Set(t.Context(), home("1", room)+key, text, 0)
				}
				k.poll()
				a.enter(room, "u")
				a.Note(clientEvent(room, "client-e", "x"))
				taken := k.takeUntil("client_event presence-room u client-e x")
				if len(k.standing(taken)) == 0 {
					t.Errorf("%s %q: nothing stands", key, text)
				}
				k.done(taken)
				a.stop()
				if left := outbox(t, client); len(left) > 0 {
					t.Errorf("%s %q: left %q", key, text, left)
				}
			}
		}
	})
}

// takeUntil polls until something was taken, and returns all that was.
func (k *taker) takeUntil(text string) (all []protocol.Occurrence) {
	k.t.Helper()
	relaytest.Eventually(k.t, text, func() bool {
		k.poll()
		for _, o := range texts(k.got) {
			if o == text {
				return true
			}
		}
		return false
	})
	all, k.got = k.got, nil
	return all
}

// Somebody used up the ids: the stream is made anew.
func TestIDsThatAreUsedUp(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, k := startNode(t, server.URL(), withOutbox), newTaker(t, server.URL(), 0)
	last := &redis.XAddArgs{Stream: home("1", room) + "out", ID: "18446744073709551615-18446744073709551615", Values: []string{"x", "y"}}
	if err := server.Client().XAdd(t.Context(), last).Err(); err != nil {
		t.Fatal(err)
	}
	k.poll()
	a.Note(clientEvent(room, "client-e", ""))
	k.expect("client_event presence-room u client-e")
}

// What is trimmed, as nobody took it, is counted.
func TestWhatIsTooMuchIsCounted(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	client, stream := server.Client(), home("1", room)+"out"
	a, k := startNode(t, server.URL(), withOutbox), newTaker(t, server.URL(), 0)
	fill(t, client, stream, 100199)
	a.enter(room, "u")
	a.roll(room) // two more
	k.poll()
	// The first that were taken, 100, make no sense and are lost, too.
	want := 100201 - float64(client.XLen(t.Context(), stream).Val())
	if k.lost() != want || want < 200 {
		t.Errorf("%v are counted as lost, want %v, of which some were trimmed", k.lost(), want)
	}
}

func fill(t *testing.T, client *redis.Client, stream string, n int) {
	t.Helper()
	_, err := client.Pipelined(t.Context(), func(pipe redis.Pipeliner) error {
		for range n {
			pipe.Do(context.Background(), "XADD", stream, "*", "x", "y")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Clients' events are not kept without limit, and then hold up nothing else.
func TestTooManyTextsAreCounted(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client, k := relaytest.RedisClient(t, url), newTaker(t, url, 0)
		a := startNode(t, url, withOutbox)
		key := home("1", room) + "bytes"
		a.Note(clientEvent(room, "client-1", "x"))
		taken := k.take(1)
		client.Set(t.Context(), key, 32<<20, 0)
		a.Note(clientEvent(room, "client-2", "x"))
		a.enter(room, "u")
		taken = append(taken, k.expect("channel_occupied presence-room", "member_added presence-room u")...)
		relaytest.Eventually(t, "one is counted as lost", func() bool {
			k.poll()
			return k.lost() == 1
		})
		k.done(taken)
		if left := client.Exists(t.Context(), key).Val(); left != 0 {
			t.Errorf("an empty outbox holds %s bytes", client.Get(t.Context(), key).Val())
		}
		a.Note(clientEvent(room, "client-3", ""))
		k.expect("client_event presence-room u client-3")
	})
}
