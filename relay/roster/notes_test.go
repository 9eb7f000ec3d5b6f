package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// While Redis is away notes wait, but not more than a node has room for; all that waited is
// told, in order.
func TestNotesWaitForRedisUntilThereAreTooMany(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, k := newNode(t, server.URL(), withOutbox), newTaker(t, server.URL(), 0)
	for i := range 10003 {
		a.Note(clientEvent("private-x", "client-e", fmt.Sprint(i)))
	}
	if lost := testutil.ToFloat64(a.metrics.HooksLost); lost != 3 {
		t.Errorf("%v are lost, want 3", lost)
	}
	a.start()
	for i, o := range k.take(10000) {
		if o.Data != fmt.Sprint(i) {
			t.Fatalf("number %d is %s", i, o.Data)
		}
	}
	a.Note(clientEvent("private-x", "client-f", "")) // there is room again
	k.expect("client_event private-x client-f")
}

func TestNotesWaitForRedisUntilTheyAreTooLarge(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, k := newNode(t, server.URL(), withOutbox), newTaker(t, server.URL(), 0)
	for i := range 17 {
		a.Note(clientEvent("private-x", fmt.Sprint("client-", i), strings.Repeat("x", 1<<20)))
	}
	if lost := testutil.ToFloat64(a.metrics.HooksLost); lost != 2 {
		t.Errorf("%v are lost, want 2", lost)
	}
	a.Note(clientEvent("private-x", "client-small", ""))
	a.start()
	got := k.take(16)
	if got[0].Event != "client-0" || got[15].Event != "client-small" {
		t.Errorf("the first is %s, the last %s", got[0].Event, got[15].Event)
	}
}

// Redis was told and did not answer in time: it is told again, and does not note it twice.
func TestNotesAreNotDoubledByAConnectionThatBreaks(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	a, k := startNode(t, server.URL(), withOutbox), newTaker(t, server.URL(), 0)
	a.Note(clientEvent("private-x", "client-1", ""))
	k.expect("client_event private-x client-1")
	server.Freeze()
	a.Note(clientEvent("private-x", "client-2", ""))
	relaytest.Eventually(t, "the connection is given up", func() bool { return a.told.logged.has("cannot be told") })
	server.Thaw()
	a.Note(clientEvent("private-x", "client-3", ""))
	k.expect("client_event private-x client-2", "client_event private-x client-3")
}

func TestTheScriptNotesNothingTwice(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		s := &scripted{t: t, client: relaytest.RedisClient(t, url)}
		tell := func(first int, users ...string) {
			args := []any{"tell", "source", first}
			for _, user := range users {
				args = append(args, protocol.HookClientEvent, "1:"+room, user, "{}")
			}
			s.call(args...)
		}
		tell(1, "a", "b")
		tell(1, "a", "b")
		tell(2, "b", "c")
		tell(4, "d")
		tell(4, "d")
		want := "[client_event presence-room a client_event presence-room b client_event presence-room c client_event presence-room d]"
		if got := fmt.Sprint(outbox(t, s.client)); got != want {
			t.Errorf("noted: %s", got)
		}
	})
}

// Who sends has been counted before, however long counts wait for company.
func TestWhatSomebodySendsIsNotedAfterItsComing(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startNode(t, url, want(protocol.HookOccupied, protocol.HookClientEvent)), newTaker(t, url, 0)
		for i := range 20 {
			channel := fmt.Sprint("private-", i)
			a.Count("1", channel, 1)
			a.Note(clientEvent(channel, "client-e", ""))
			k.expect("channel_occupied "+channel, "client_event "+channel+" client-e")
		}
	})
}
