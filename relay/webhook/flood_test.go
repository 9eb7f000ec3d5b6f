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

// What many clients leave behind at once is told, and costs others nothing: what cannot be held
// stays in the outbox.
func TestManyWhoLeaveAtOnceAreAllTold(t *testing.T) {
	const events = 60_000
	bubble(t, func(t *testing.T, r *rig) {
		start := time.Now()
		gone := make([]protocol.Occurrence, events)
		for i := range gone {
			gone[i] = protocol.Occurrence{
				Channel: fmt.Sprint("channel-", i), Kind: protocol.HookVacated,
				Due: start.Add(30*time.Second + time.Duration(i)*time.Millisecond),
			}
		}
		r.put(gone...)
		r.put(on("other"))
		pass(29 * time.Second)
		if n := r.counted("delivered"); n != 1 {
			t.Errorf("%d of the others are told, want 1", n)
		}
		pass(2 * time.Minute)
		if n := r.counted("delivered"); n != events+1 || r.counted("dropped") != 0 {
			t.Errorf("%d are told, %d dropped", n, r.counted("dropped"))
		}
		r.allDone()
	}, auth.Webhook{URL: target, Batch: 50 * time.Millisecond})
}

// However much the outbox has, a part of it is told before the next is taken.
func TestWhatIsLargeIsTakenInParts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		pass(time.Millisecond)
		text := strings.Repeat("x", 60<<10)
		large := make([]protocol.Occurrence, 700)
		for i := range large {
			large[i] = protocol.Occurrence{Channel: fmt.Sprint(i), Kind: protocol.HookClientEvent, Data: text}
		}
		var before, polls int
		r.set(func(o *outbox) { before = o.polls })
		r.answers(func(call) (int, time.Duration) {
			r.set(func(o *outbox) {
				if polls == 0 {
					polls = o.polls - before
				}
			})
			return http.StatusOK, 0
		})
		r.put(large...)
		pass(time.Second)
		if polls != 1 {
			t.Errorf("something is told after %d polls", polls)
		}
	}, auth.Webhook{URL: target})
}

// While nothing can be told what is done is forgotten all the same, else it would pile up.
func TestWhatIsDoneIsForgottenWhileNothingStands(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.set(func(o *outbox) { o.broken["Standing"] = true })
		r.put(on("a"))
		nobodys := r.put(on("b"))[0]
		pass(time.Second)
		if !r.isDone(nobodys) || r.left() != 1 {
			t.Errorf("done: %v; left: %d", r.isDone(nobodys), r.left())
		}
	}, auth.Webhook{URL: target, Prefix: "a"})
}
