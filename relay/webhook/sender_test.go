package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// A receiver that fails at random gets each channel's events in order, one at a time, and
// at most eight requests at once.
func TestEachChannelIsToldInOrder(t *testing.T) {
	for name, batch := range map[string]time.Duration{"one by one": 0, "in batches": 50 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				check := newOrder(t)
				r.answers(check.answer)
				const events, channels = 400, 15
				for i := range events {
					o := on(fmt.Sprint("channel-", i%channels))
					o.Kind, o.Data = protocol.HookClientEvent, fmt.Sprintf("%06d", i)
					r.put(o)
					if i%10 == 0 {
						pass(time.Duration(rand.IntN(300)) * time.Millisecond)
					}
				}
				pass(4 * time.Minute)
				if n := r.counted("delivered"); n != events {
					t.Errorf("%d events came", n)
				}
				r.allDone()
			}, auth.Webhook{URL: target, Batch: batch})
		})
	}
}

// order is a receiver that looks at the order of what it gets.
type order struct {
	t *testing.T

	mu       sync.Mutex
	underway map[string]bool   // channels
	last     map[string]string // data, by channel
	requests int
}

func newOrder(t *testing.T) *order {
	return &order{t: t, underway: make(map[string]bool), last: make(map[string]string)}
}

func (o *order) answer(c call) (int, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.requests++; o.requests > 8 {
		o.t.Errorf("%d requests at once", o.requests)
	}
	took := time.Duration(rand.IntN(300)) * time.Millisecond
	channels := make(map[string]bool)
	for _, e := range c.events {
		channels[e["channel"].(string)] = true
	}
	for channel := range channels {
		if o.underway[channel] {
			o.t.Errorf("%s is told twice at once", channel)
		}
		o.underway[channel] = true
	}
	good := rand.IntN(5) > 0
	if good {
		o.take(c)
	}
	time.AfterFunc(took, func() { o.end(channels) })
	if good {
		return http.StatusOK, took + time.Millisecond
	}
	return http.StatusInternalServerError, took + time.Millisecond
}

func (o *order) take(c call) {
	for _, e := range c.events {
		channel, data := e["channel"].(string), e["data"].(string)
		if data <= o.last[channel] {
			o.t.Errorf("%s: %s after %s", channel, data, o.last[channel])
		}
		o.last[channel] = data
	}
}

func (o *order) end(channels map[string]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests--
	for channel := range channels {
		delete(o.underway, channel)
	}
}

// Also when its line has nothing else for a while.
func TestAChannelWaitsForWhatIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(call) (int, time.Duration) { return http.StatusOK, 4 * time.Second })
		r.put(on("a"))
		pass(2500 * time.Millisecond)
		r.put(on("a"))
		pass(time.Second)
		if n := len(r.made("")); n != 1 {
			t.Errorf("%d requests at once", n)
		}
		pass(6 * time.Second)
		r.allDone()
	}, auth.Webhook{URL: target})
}

func TestASlowTargetDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) {
			if c.host == "other.example.com" {
				return http.StatusOK, time.Hour
			}
			return http.StatusOK, 0
		})
		const events = 200
		for i := range events {
			r.put(on(fmt.Sprint("channel-", i)))
		}
		pass(500 * time.Millisecond)
		if n := len(r.made("ci.example.com")); n != events {
			t.Errorf("the other got %d events", n)
		}
		if n := len(r.made("other.example.com")); n != 8 {
			t.Errorf("the slow one has %d requests", n)
		}
		pass(8 * time.Second) // a request ends after five
		if n := len(r.made("other.example.com")); n <= 8 {
			t.Errorf("the slow one had %d requests", n)
		}
	}, auth.Webhook{URL: target}, auth.Webhook{URL: otherTarget})
}

// What can be taken back is told when it is due, in its turn.
func TestEventsAreToldWhenTheyAreDueAndInTheirTurn(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		start := time.Now()
		later, back := on("a"), on("b")
		later.Kind, back.Kind = protocol.HookVacated, protocol.HookVacated
		later.Due, back.Due = start.Add(3*time.Second), start.Add(3*time.Second)
		gone := r.put(later, back)[1]
		r.set(func(o *outbox) { o.back[gone] = true })
		pass(time.Second)
		miss := on("a")
		miss.Kind = protocol.HookCacheMiss
		r.put(miss)
		pass(5 * time.Second)
		var told []string
		for _, c := range r.made("") {
			told = append(told, c.events[0]["name"].(string))
		}
		if diff := cmp.Diff([]string{"cache_miss", "channel_vacated"}, told); diff != "" {
			t.Fatal(diff)
		}
		if at := r.made("")[1].at.Sub(start); at < 3*time.Second || at > 3500*time.Millisecond {
			t.Errorf("it is told after %v", at)
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

// Events in order, with one id each, as many as a request may have.
func TestAWebhookCanHaveItsEventsCollected(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.put(on("a"), on("b"), on("a"))
		pass(300 * time.Millisecond)
		r.put(on("c"))
		pass(600 * time.Millisecond)
		if len(r.made("")) != 0 {
			t.Fatal("events are not collected for as long as they are to be")
		}
		pass(2 * time.Second)
		if diff := cmp.Diff([]string{"a b a c"}, r.told()); diff != "" {
			t.Fatal(diff)
		}
		ids := "1-1700000000000-1,1-1700000000000-2,1-1700000000000-3,1-1700000000000-4"
		if got := r.made("")[0].header.Get("X-Relay-Event-Ids"); got != ids {
			t.Error(got)
		}
		var many []protocol.Occurrence
		for i := range 250 {
			many = append(many, on(fmt.Sprint("channel-", i%7)))
		}
		r.put(many...)
		pass(300 * time.Millisecond)
		full := 0
		for _, c := range r.made("") {
			if n := len(c.events); n == 100 {
				full++
			} else if n > 100 {
				t.Errorf("a request brings %d events", n)
			}
		}
		if full == 0 {
			t.Error("what is full does not go at once")
		}
		pass(3 * time.Second)
		r.allDone()
	}, auth.Webhook{URL: target, Batch: time.Second})
}

func TestACollectedRequestIsNotTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for i, size := range []int{100 << 10, 100 << 10, 100 << 10, 300 << 10, 1} {
			o := on(fmt.Sprint("c", i))
			o.Kind, o.Data = protocol.HookClientEvent, strings.Repeat("x", size)
			r.put(o)
		}
		pass(3 * time.Second)
		if diff := cmp.Diff([]string{"c0 c1", "c2", "c3", "c4"}, slices.Sorted(slices.Values(r.told()))); diff != "" {
			t.Error(diff)
		}
		r.allDone()
	}, auth.Webhook{URL: target, Batch: time.Second})
}

func TestAWebhookThatIsGoneIsToldNothingMore(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) { return http.StatusInternalServerError, time.Second })
		r.put(on("a"), on("a"), on("b"))
		pass(2500 * time.Millisecond)
		r.put(on("c"))
		pass(300 * time.Millisecond)
		r.reload(testApp(auth.Webhook{URL: otherTarget}))
		before := len(r.made("ci.example.com"))
		pass(10 * time.Second)
		if n := len(r.made("")) - before; n != 0 {
			t.Errorf("%d more requests", n)
		}
		r.allDone()
		r.answers(nil)
		r.put(on("d"))
		pass(time.Second)
		if n := len(r.made("other.example.com")); n != 1 {
			t.Errorf("the webhook that has come has %d requests", n)
		}
	}, auth.Webhook{URL: target})
}

// A key that retires signs nothing new, and what it has signed stays as it is; a key that is
// revoked has signed nothing that is still to be told.
func TestKeysThatRetireSignNoWebhooks(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		signedBy := func() string {
			all := r.made("")
			return all[len(all)-1].header.Get("X-Pusher-Key")
		}
		hook := auth.Webhook{URL: target}
		app := testApp(hook)
		old := app.Keys[0].Key
		app.Keys = append(app.Keys, auth.Key{Key: "new", Secret: "newer"})
		r.reload(app)
		r.answers(always(http.StatusInternalServerError))
		r.put(on("a"))
		pass(300 * time.Millisecond)
		for _, step := range []struct {
			state auth.KeyState
			want  string
		}{{auth.KeyActive, old}, {auth.KeyRetiring, old}, {auth.KeyRevoked, "new"}} {
			keys := slices.Clone(app.Keys)
			keys[0].State = step.state
			r.reload(auth.App{ID: app.ID, Keys: keys, Webhooks: app.Webhooks})
			before := len(r.made(""))
			for i := 0; len(r.made("")) == before && i < 1000; i++ {
				pass(100 * time.Millisecond)
			}
			if got := signedBy(); got != step.want {
				t.Errorf("%s: a try is signed by %s", step.state, got)
			}
		}
		keys := slices.Clone(app.Keys)
		keys[0].State = auth.KeyRetiring
		r.reload(auth.App{ID: app.ID, Keys: keys, Webhooks: app.Webhooks})
		r.answers(nil)
		pass(time.Minute)
		r.put(on("b"))
		pass(5 * time.Second)
		if got := signedBy(); got != "new" {
			t.Errorf("what is new is signed by %s", got)
		}
	}, auth.Webhook{URL: target})
}

// A fork's key is none that receivers should take for the app's, be it the first or the only one.
func TestALetterIsNotSignedByAKeyThatIsLimited(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusInternalServerError))
		r.put(on("a"))
		pass(300 * time.Millisecond)
		app := testApp(auth.Webhook{URL: target})
		limited := app.Keys[0]
		limited.Rights = []auth.Right{auth.RightPublish}
		app.Keys, app.Disabled = []auth.Key{limited}, true
		r.reload(app)
		pass(2 * time.Minute)
		if n := len(r.made("")); n != 1 {
			t.Fatalf("%d requests, though no key may sign", n)
		}
		app.Keys, app.Disabled = []auth.Key{limited, {Key: "new", Secret: "newer"}}, false
		r.reload(app)
		r.answers(nil)
		pass(time.Minute)
		calls := r.made("")
		if len(calls) != 2 || calls[1].header.Get("X-Pusher-Key") != "new" || calls[1].body != calls[0].body {
			t.Errorf("afterwards %d requests: %v", len(calls), calls[len(calls)-1].header)
		}
	}, auth.Webhook{URL: target})
}

// A receiver that checks what it gets knows a key as long as the app has it.
func TestATryIsSignedByTheFirstKeyAsLongAsTheAppHasIt(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusInternalServerError))
		r.put(on("a"))
		pass(300 * time.Millisecond)
		app := testApp(auth.Webhook{URL: target, Headers: map[string]auth.Secret{"X-New": "1"}})
		old := app.Keys[0]
		app.Keys = []auth.Key{{Key: "new", Secret: "newer"}, old}
		r.reload(app)
		pass(1500 * time.Millisecond)
		app.Keys = app.Keys[:1]
		r.reload(app)
		r.answers(nil)
		pass(5 * time.Second)
		calls := r.made("")
		if len(calls) != 3 {
			t.Fatalf("%d requests", len(calls))
		}
		for i, key := range []string{old.Key, old.Key, "new"} {
			signer := auth.App{Keys: []auth.Key{old}}
			if key == "new" {
				signer = app
			}
			_, signature := signer.SignWebhook([]byte(calls[i].body))
			if h := calls[i].header; h.Get("X-Pusher-Key") != key || h.Get("X-Pusher-Signature") != signature {
				t.Errorf("try %d: %v", i, h)
			}
		}
		if calls[0].body != calls[2].body || calls[1].header.Get("X-New") != "1" {
			t.Error("not the same body, or not the headers as they are now")
		}
	}, auth.Webhook{URL: target})
}
