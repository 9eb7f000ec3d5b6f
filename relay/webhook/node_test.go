package webhook_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"buildrelay/auth"
)

// Of a partition that is another node's nothing is told any more, and nothing forgotten for
// the other node, but what is told already.
func TestALostPartitionIsAnothers(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) {
			switch c.told() {
			case "fails":
				return http.StatusInternalServerError, 0
			case "slow-and-good":
				return http.StatusOK, 2 * time.Second
			}
			return http.StatusInternalServerError, 2 * time.Second
		})
		later := on("later")
		later.Due = time.Now().Add(time.Second)
		good := r.put(on("slow-and-good"))[0]
		r.put(on("slow-and-bad"), on("slow-and-bad"), on("fails"), on("fails"), later)
		pass(300 * time.Millisecond)
		r.set(func(o *outbox) { o.lost = []int{0, 1, 2, 3, 4, 5, 6} })
		pass(300 * time.Millisecond)
		before := len(r.made(""))
		pass(10 * time.Second)
		if n := len(r.made("")) - before; n != 0 {
			t.Errorf("%d more requests", n)
		}
		if !r.isDone(good) || r.left() != 5 || r.waiting() != 0 {
			t.Errorf("done: %v; not done: %d, waiting: %d", r.isDone(good), r.left(), r.waiting())
		}
		r.answers(nil)
		r.put(on("fails"))
		pass(time.Second)
		if r.left() != 5 {
			t.Error("nothing is told after something was lost")
		}
	}, auth.Webhook{URL: target})
}

// While the outbox cannot be asked, another node may think that this one is gone.
func TestANodeThatMayBeTakenForGoneTellsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusInternalServerError))
		r.put(on("a"))
		pass(300 * time.Millisecond)
		r.set(func(o *outbox) { o.broken["Poll"] = true })
		pass(6 * time.Second)
		before := len(r.made(""))
		pass(time.Minute)
		if n := len(r.made("")) - before; n != 0 || r.waiting() != 1 {
			t.Errorf("%d requests, %d events wait", n, r.waiting())
		}
		if n := r.log.count("cannot be read"); n != 1 {
			t.Errorf("%d lines in the log", n)
		}
		r.answers(nil)
		r.set(func(o *outbox) { o.broken["Poll"] = false })
		pass(35 * time.Second)
		r.allDone()
	}, auth.Webhook{URL: target})
}

// In the end the outbox says that all is another's, and may give it again.
func TestWhatIsLostWhileTheOutboxCannotBeAskedIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(always(http.StatusInternalServerError))
		r.put(on("a"))
		pass(300 * time.Millisecond)
		r.set(func(o *outbox) { o.broken["Poll"], o.lost = true, []int{1} })
		pass(time.Second)
		if r.waiting() != 0 || r.left() != 1 {
			t.Errorf("%d events wait, %d are not done", r.waiting(), r.left())
		}
		r.answers(nil)
		r.set(func(o *outbox) {
			o.broken["Poll"], o.again = false, true
		})
		pass(time.Second)
		r.allDone()
	}, auth.Webhook{URL: target})
}

// What was under way when Redis went away is told, which Redis hears before it gives anything
// again.
func TestWhatWasToldWhileTheOutboxWasAwayIsNotToldAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(call) (int, time.Duration) { return http.StatusOK, 2 * time.Second })
		r.put(on("a"))
		pass(300 * time.Millisecond)
		r.set(func(o *outbox) { o.broken["Poll"], o.broken["Done"], o.lost = true, true, []int{0, 1, 2, 3, 4, 5, 6} })
		pass(5 * time.Second)
		r.set(func(o *outbox) { o.broken["Poll"], o.broken["Done"], o.again = false, false, true })
		pass(5 * time.Second)
		if n := len(r.made("")); n != 1 {
			t.Errorf("told %d times", n)
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

func TestWhatTheOutboxRefusesIsAskedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.set(func(o *outbox) { o.broken["Standing"], o.broken["Done"] = true, true })
		r.put(on("a"), on("b"))
		pass(time.Second)
		if n := len(r.made("")); n != 0 {
			t.Errorf("%d requests for what may not stand", n)
		}
		r.set(func(o *outbox) { o.broken["Standing"] = false })
		pass(time.Second)
		if len(r.made("")) != 2 || r.left() != 2 {
			t.Errorf("%d requests, %d not done", len(r.made("")), r.left())
		}
		r.set(func(o *outbox) { o.broken["Done"] = false })
		pass(time.Second)
		if n := len(r.made("")); n != 2 {
			t.Errorf("%d requests", n)
		}
		r.allDone()
	}, auth.Webhook{URL: target})
}

// A node that stops lets what is under way end, begins nothing, and gives the rest back.
func TestANodeThatStopsGivesTheRestBack(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.answers(func(c call) (int, time.Duration) {
			if c.told() == "endless" {
				return http.StatusOK, time.Hour
			}
			return http.StatusOK, 2 * time.Second
		})
		underway := r.put(on("a"))[0]
		r.put(on("a"), on("endless"))
		pass(300 * time.Millisecond)
		start := time.Now()
		r.stop()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		r.set(func(o *outbox) {
			if o.releases != 1 {
				t.Errorf("released %d times", o.releases)
			}
		})
		if len(r.made("")) != 2 || !r.isDone(underway) || r.left() != 2 {
			t.Errorf("requests: %v; not done: %d", r.told(), r.left())
		}
	}, auth.Webhook{URL: target})
}

// So nodes that do have webhooks take what there is.
func TestANodeWithoutWebhooksClaimsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		polls := func() (n int) {
			r.set(func(o *outbox) { n = o.polls })
			return n
		}
		pass(10 * time.Second)
		if n := polls(); n != 0 {
			t.Errorf("polled %d times", n)
		}
		r.put(on("a"))
		r.reload(testApp(auth.Webhook{URL: target}))
		pass(3 * time.Second)
		if n := len(r.made("")); n != 1 {
			t.Errorf("%d requests", n)
		}
		r.reload(testApp())
		pass(time.Second)
		before := polls()
		pass(10 * time.Second)
		r.set(func(o *outbox) {
			if o.polls != before || o.releases != 1 {
				t.Errorf("polled %d times more, released %d times", o.polls-before, o.releases)
			}
		})
	})
}

// A flood is read at once, in order, and told.
func TestManyEventsAtOnceAreToldInOrder(t *testing.T) {
	const events = 5000
	bubble(t, func(t *testing.T, r *rig) {
		for i := range events {
			o := on("a")
			o.Data, o.Kind = fmt.Sprint(i), "client_event"
			r.put(o)
		}
		pass(2 * time.Second)
		n := 0
		for _, c := range r.made("") {
			for _, e := range c.events {
				if e["data"] != fmt.Sprint(n) {
					t.Fatalf("event %d is %v", n, e["data"])
				}
				n++
			}
		}
		if n != events {
			t.Errorf("%d events", n)
		}
		r.allDone()
	}, auth.Webhook{URL: target, Batch: 10 * time.Millisecond})
}
