package webhook_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

func always(status int) func(call) (int, time.Duration) {
	return func(call) (int, time.Duration) { return status, 0 }
}

// Row 73 of protocol.md 9.
func TestAnEventIsTriedAgainWithGrowingPausesAndTheSameBytes(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.answers(func(call) (int, time.Duration) {
			if tries++; tries < 6 {
				return []int{500, 302, 404, 199, 300}[tries-1], 0
			}
			return http.StatusNoContent, 0
		})
		r.put(on("a"))
		pass(time.Minute)
		calls := r.made("")
		if len(calls) != 6 {
			t.Fatalf("%d requests, want 6", len(calls))
		}
		for i := 1; i < len(calls); i++ {
			want := time.Second << (i - 1)
			if got := calls[i].at.Sub(calls[i-1].at); got < want*8/10 || got > want*12/10 {
				t.Errorf("pause %d is %v, want about %v", i, got, want)
			}
			if calls[i].body != calls[0].body || fmt.Sprint(calls[i].header) != fmt.Sprint(calls[0].header) {
				t.Errorf("try %d brings something else than the first: %+v, %+v", i, calls[i], calls[0])
			}
		}
		if r.counted("delivered") != 1 || r.called("delivered") != 1 || r.called("failed") != 5 {
			t.Errorf("delivered %d, requests that failed %d", r.counted("delivered"), r.called("failed"))
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

func TestAnEventIsGivenUpFiveMinutesAfterItHappened(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusServiceUnavailable))
		happened := time.Now()
		id := r.put(on("a"))[0]
		pass(5*time.Minute - 2*time.Second)
		if r.isDone(id) {
			t.Error("it is given up too early")
		}
		pass(4 * time.Second)
		calls := r.made("")
		if n := len(calls); n < 12 || n > 20 {
			t.Errorf("%d tries in five minutes", n)
		}
		if last := calls[len(calls)-1].at.Sub(happened); last < 4*time.Minute {
			t.Errorf("the last try was after %v", last)
		}
		if r.counted("expired") != 1 || r.counted("delivered") != 0 {
			t.Errorf("expired %d, delivered %d", r.counted("expired"), r.counted("delivered"))
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

// What a node finds that was not told for so long is given up without a try.
func TestAnEventThatIsTooOldIsNotTold(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := on("a")
		old.Due = time.Now().Add(-5 * time.Minute)
		r.put(on("b"))
		pass(300 * time.Millisecond) // what is too old was looked for right before
		r.put(old)
		pass(3 * time.Second)
		if len(r.made("")) != 1 || r.counted("expired") != 1 {
			t.Errorf("%d requests, expired %d", len(r.made("")), r.counted("expired"))
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

func TestAnEventThatFailsHoldsBackItsOwnChannelAlone(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) {
			if c.told() == "bad" {
				return http.StatusInternalServerError, 0
			}
			return http.StatusOK, 0
		})
		var others []string
		bad := r.put(on("bad"), on("bad"))
		for i := range 90 {
			others = append(others, r.put(on(fmt.Sprint("good-", i%3)))...)
			pass(time.Second)
		}
		for _, id := range others[:len(others)-1] {
			if !r.isDone(id) {
				t.Errorf("%s is not done", id)
			}
		}
		if r.isDone(bad[0]) || r.isDone(bad[1]) {
			t.Error("what fails is done")
		}
		for _, c := range r.made("") {
			if id := c.header.Get("X-Relay-Event-Ids"); id == bad[1] {
				t.Error("an event is told before the one in front of it")
			}
		}
		r.answers(nil)
		pass(40 * time.Second)
		r.allDone()
	}, auth.Webhook{URL: target})
}

// A target that is down gets few requests, and everything once it is up again.
func TestATargetThatTakesNothingGetsOneRequestAtATime(t *testing.T) {
	const channels = 1000
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusBadGateway))
		for i := range channels {
			r.put(on(fmt.Sprint("channel-", i)))
		}
		pass(2 * time.Minute)
		if n := len(r.made("")); n < 20 || n > 8+2*60 {
			t.Errorf("%d requests in two minutes", n)
		}
		if n := r.waiting(); n != channels {
			t.Errorf("%d events wait", n)
		}
		r.answers(nil)
		pass(time.Minute)
		if n := r.counted("delivered"); n != channels {
			t.Errorf("%d events came", n)
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

// Both bounds: of events, and of bytes.
func TestOfTooManyEventsTheNewestAreDropped(t *testing.T) {
	cases := map[string]struct {
		data string
		put  int
		kept int
	}{
		"events": {"", 10_100, 10_000},
		"bytes":  {strings.Repeat("x", 1<<20-1000), 20, 16},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.answers(always(http.StatusBadGateway))
				var ids []string
				for range c.put {
					o := on("a")
					o.Kind, o.Data = protocol.HookClientEvent, c.data
					ids = append(ids, r.put(o)...)
				}
				pass(time.Minute)
				if r.counted("dropped") != c.put-c.kept || r.left() != c.kept || r.waiting() != c.kept {
					t.Errorf("dropped %d, kept %d, waiting %d", r.counted("dropped"), r.left(), r.waiting())
				}
				if r.isDone(ids[c.kept-1]) || !r.isDone(ids[c.kept]) {
					t.Error("others than the newest are dropped")
				}
				pass(5 * time.Minute)
				r.allDone()
			}, auth.Webhook{URL: target})
		})
	}
}

// The log names the host, not what else is in a URL, and does not fill.
func TestTheLogSaysThatATargetFailsWithoutItsSecrets(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusBadGateway))
		for i := range 200 {
			r.put(on(fmt.Sprint("a-", i)))
			pass(3 * time.Second)
		}
		if n := r.log.count("takes nothing"); n < 1 || n > 11 {
			t.Errorf("%d lines say that the target takes nothing", n)
		}
		if n := r.log.count("given up"); n < 1 || n > 6 {
			t.Errorf("%d lines say that events are given up", n)
		}
		if r.log.count("hunter") != 0 || r.log.count("host=ci.example.com") == 0 || r.log.count("status 502") == 0 {
			t.Error(r.log.text.String())
		}
	}, auth.Webhook{URL: target, Headers: map[string]auth.Secret{"X-Token": "hunter3"}})
}
