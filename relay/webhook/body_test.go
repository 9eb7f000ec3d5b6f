package webhook_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// The bodies of protocol.md 5, byte for byte.
func TestEachKindIsToldAsPusherDoes(t *testing.T) {
	cases := map[string]struct {
		told protocol.Occurrence
		want string
	}{
		"occupied": {
			protocol.Occurrence{Kind: protocol.HookOccupied, Channel: "test_channel"},
			`{"name":"channel_occupied","channel":"test_channel"}`,
		},
		"vacated": {
			protocol.Occurrence{Kind: protocol.HookVacated, Channel: "test_channel"},
			`{"name":"channel_vacated","channel":"test_channel"}`,
		},
		"member added": {
			protocol.Occurrence{Kind: protocol.HookMemberAdded, Channel: "presence-a", UserID: "17"},
			`{"name":"member_added","channel":"presence-a","user_id":"17"}`,
		},
		"member removed": {
			protocol.Occurrence{Kind: protocol.HookMemberRemoved, Channel: "presence-a", UserID: `"<&>`},
			`{"name":"member_removed","channel":"presence-a","user_id":"\"<&>"}`,
		},
		"client event of a member": {
			protocol.Occurrence{
				Kind: protocol.HookClientEvent, Channel: "presence-a", UserID: "u", Event: "client-x", Data: `{"a":1}`, SocketID: "1.2",
			},
			`{"name":"client_event","channel":"presence-a","event":"client-x","data":"{\"a\":1}","socket_id":"1.2","user_id":"u"}`,
		},
		"client event without data": {
			protocol.Occurrence{Kind: protocol.HookClientEvent, Channel: "private-a", Event: "client-x", SocketID: "1.2"},
			`{"name":"client_event","channel":"private-a","event":"client-x","data":"","socket_id":"1.2"}`,
		},
		"cache miss": {
			protocol.Occurrence{Kind: protocol.HookCacheMiss, Channel: "cache-a"},
			`{"name":"cache_miss","channel":"cache-a"}`,
		},
		"count": {
			protocol.Occurrence{Kind: protocol.HookCount, Channel: "a"},
			`{"name":"subscription_count","channel":"a","subscription_count":42}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.set(func(o *outbox) { o.count = 42 })
				c.told.Due, c.told.Time = time.Now(), time.UnixMilli(1327078148132)
				r.put(c.told)
				pass(time.Second)
				calls := r.made("")
				if len(calls) != 1 {
					t.Fatalf("%d requests", len(calls))
				}
				want := `{"time_ms":1327078148132,"events":[` + c.want + `]}`
				if diff := cmp.Diff(want, calls[0].body); diff != "" {
					t.Error(diff)
				}
			}, auth.Webhook{URL: target})
		})
	}
}

// The signature is that of protocol.md 5, computed elsewhere. The webhook's own headers are
// sent along and replace none of the others.
func TestARequestHasPushersHeadersAndTheWebhooks(t *testing.T) {
	hook := auth.Webhook{URL: target, Headers: map[string]auth.Secret{
		"X-Token": "hunter3", "content-type": "text/plain", "X-PUSHER-KEY": "forged", "x-pusher-signature": "forged",
		"User-Agent": "forged", "x-relay-event-ids": "forged",
	}}
	bubble(t, func(t *testing.T, r *rig) {
		r.put(protocol.Occurrence{Channel: "test_channel", Due: time.Now(), Time: time.UnixMilli(1327078148132)})
		pass(time.Second)
		want := http.Header{
			"Content-Type":       {"application/json"},
			"X-Pusher-Key":       {"278d425bdf160c739803"},
			"X-Pusher-Signature": {"709fdb84c03664445f7698120b0edf0acc1ab1c8c6e93a0368c61841d6b998aa"},
			"User-Agent":         {"buildrelay"},
			"X-Relay-Event-Ids":  {"5-1700000000000-1"},
			"X-Token":            {"hunter3"},
		}
		calls := r.made("")
		if len(calls) != 1 {
			t.Fatalf("%d requests", len(calls))
		}
		if diff := cmp.Diff(want, calls[0].header); diff != "" {
			t.Error(diff)
		}
	}, hook)
}

func TestAWebhookIsToldWhatItWants(t *testing.T) {
	hooks := []auth.Webhook{
		{URL: target, Events: []string{protocol.HookOccupied}, Prefix: "private-", Suffix: "-log"},
		{URL: otherTarget, Events: []string{protocol.HookVacated}},
	}
	bubble(t, func(t *testing.T, r *rig) {
		wanted := r.put(on("private-a-log"), protocol.Occurrence{Kind: protocol.HookVacated, Channel: "b"})
		r.put(
			on("private-a"), on("b-log"), protocol.Occurrence{Kind: protocol.HookCacheMiss, Channel: "private-a-log"},
			protocol.Occurrence{Kind: protocol.HookVacated, Channel: "later", Due: time.Now().Add(time.Hour)},
		)
		pass(time.Second)
		if diff := cmp.Diff([]string{"b", "private-a-log"}, slices.Sorted(slices.Values(r.told()))); diff != "" {
			t.Error(diff)
		}
		r.set(func(o *outbox) {
			if diff := cmp.Diff(slices.Sorted(slices.Values(wanted)), slices.Sorted(slices.Values(o.asked))); diff != "" {
				t.Errorf("the outbox was asked for others than what is wanted: %s", diff)
			}
			// A kind that nobody here wants may be wanted by a webhook that another node knows.
			var left []string
			for _, oc := range o.kept {
				left = append(left, oc.Channel+" "+oc.Kind)
			}
			want := []string{"later channel_vacated", "private-a-log cache_miss"}
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(left))); diff != "" {
				t.Errorf("not done (-want +got):\n%s", diff)
			}
		})
	}, hooks...)
}

// It is done when both have it.
func TestAnEventThatSeveralWebhooksWantGoesToEach(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) {
			if c.host == "other.example.com" {
				return http.StatusServiceUnavailable, 0
			}
			return http.StatusOK, 0
		})
		id := r.put(on("a"))[0]
		pass(2 * time.Second)
		if len(r.made("ci.example.com")) != 2 || r.isDone(id) {
			t.Fatalf("requests %v, done %v", r.told(), r.isDone(id))
		}
		r.answers(nil)
		pass(10 * time.Second)
		if n := r.counted("delivered"); n != 3 {
			t.Errorf("delivered %d times", n)
		}
		r.allDone()
	}, auth.Webhook{URL: target}, auth.Webhook{URL: otherTarget}, auth.Webhook{URL: target})
}
