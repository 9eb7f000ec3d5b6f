package webhook_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// newApp is an app that the sender does not know at first.
func newApp(hooks ...auth.Webhook) auth.App {
	return auth.App{ID: "new", Webhooks: hooks, Keys: []auth.Key{{Key: "new-key", Secret: "new-secret"}}}
}

// ofNew is an occurrence of the new app.
func ofNew(channel, kind string) protocol.Occurrence {
	return protocol.Occurrence{App: "new", Channel: channel, Kind: kind}
}

func (r *rig) lost() int { return int(testutil.ToFloat64(r.metrics.HooksLost)) }

// names are what the events at a host are called, in order.
func (r *rig) names(host string) (names []string) {
	for _, c := range r.made(host) {
		for _, e := range c.events {
			names = append(names, e["name"].(string))
		}
	}
	return names
}

// A node whose apps file is behind keeps what another kept for an app that it does not know.
func TestEventsOfANewAppWaitUntilItIsKnown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		later := ofNew("a", protocol.HookVacated)
		later.Due = time.Now().Add(time.Minute)
		r.put(ofNew("a", protocol.HookOccupied), ofNew("a", protocol.HookCacheMiss), later, on("b"))
		pass(30 * time.Second)
		if diff := cmp.Diff([]string{"b"}, r.told()); diff != "" {
			t.Fatalf("others are held up, or nobody's is told (-want +got):\n%s", diff)
		}
		if r.left() != 3 {
			t.Fatalf("%d are left of what is not told, want 3", r.left())
		}
		// It comes before the node looks again at what waits.
		r.reload(testApp(auth.Webhook{URL: target}), newApp(auth.Webhook{URL: otherTarget}))
		miss := ofNew("a", protocol.HookClientEvent)
		miss.Event, miss.SocketID = "client-e", "1.2"
		r.put(miss)
		pass(10 * time.Second)
		want := []string{protocol.HookOccupied, protocol.HookCacheMiss, protocol.HookClientEvent}
		if diff := cmp.Diff(want, r.names("other.example.com")); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		pass(30 * time.Second)
		if diff := cmp.Diff(append(want, protocol.HookVacated), r.names("other.example.com")); diff != "" {
			t.Errorf("told when it is due (-want +got):\n%s", diff)
		}
		r.allDone()
		if r.lost() != 0 {
			t.Errorf("%d are counted as lost", r.lost())
		}
	}, auth.Webhook{URL: target})
}

func TestEventsOfNoAppAreGivenUpAfterFiveMinutes(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.put(ofNew("a", protocol.HookOccupied))
		pass(299 * time.Second)
		if r.left() != 1 || r.lost() != 0 {
			t.Errorf("%d are left, %d lost", r.left(), r.lost())
		}
		pass(2 * time.Second)
		r.allDone()
		if r.lost() != 1 {
			t.Errorf("%d are counted as lost", r.lost())
		}
	}, auth.Webhook{URL: target})
}

// So do those that a webhook wants which this node does not know, of an app that it knows.
func TestEventsOfANewWebhookWaitUntilItIsKnown(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		o := on("a")
		o.Kind = protocol.HookVacated
		r.put(o, on("a"))
		pass(time.Minute)
		r.reload(testApp(auth.Webhook{URL: target, Events: []string{protocol.HookOccupied}}, auth.Webhook{URL: otherTarget}))
		pass(time.Second)
		if diff := cmp.Diff([]string{protocol.HookVacated}, r.names("other.example.com")); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		r.put(o)
		pass(100 * time.Millisecond)
		r.reload(testApp(auth.Webhook{URL: target, Events: []string{protocol.HookOccupied}}))
		pass(6 * time.Minute)
		r.allDone()
		if r.lost() != 0 {
			t.Errorf("%d are counted as lost, though somebody took their webhook away", r.lost())
		}
	}, auth.Webhook{URL: target, Events: []string{protocol.HookOccupied}})
}

// Another node's are not kept here, and what waits has bounds.
func TestWhatWaitsForItsAppIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		data         string
		events, most int
	}{
		"events": {"", 10_100, 10_000},
		"bytes":  {strings.Repeat("x", 1<<20), 20, 15},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				for i := range c.events {
					o := ofNew(fmt.Sprint("a-", i), protocol.HookClientEvent)
					o.Data = c.data
					r.put(o)
				}
				pass(5 * time.Second)
				if r.left() != c.most || r.lost() != c.events-c.most {
					t.Errorf("%d are left, %d lost", r.left(), r.lost())
				}
				r.set(func(o *outbox) { o.lost = []int{0, 1, 2, 3, 4, 5, 6} })
				pass(time.Second)
				r.put(ofNew("b", protocol.HookOccupied)) // there is room
				pass(time.Second)
				if r.left() != c.most+1 {
					t.Errorf("%d are left", r.left())
				}
			}, auth.Webhook{URL: target})
		})
	}
}
