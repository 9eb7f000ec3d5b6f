package main_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"buildrelay/relay/relaytest"
)

// F18. Those for whom there is no time are told so, and all are back; a page is, too, by
// itself.
func TestAHerdIsTakenAFewAtATime(t *testing.T) {
	t.Parallel()
	const clients, each = 200, 70
	w := newTLSWorld(t, map[string]string{"RELAY_MAX_HANDSHAKES": fmt.Sprint(each)})
	h := relaytest.NewHerd(w.Relay, clients)
	for range 2 {
		before, begun := h.Told(), time.Now()
		if err := h.Come(t.Context()); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begun)
		t.Logf("all are in after %s, told to come later %d times", took, h.Told()-before)
		if took < (clients/each-1)*time.Second || took > 15*time.Second {
			t.Errorf("it took %s, want 1 s to 15 s", took)
		}
		w.ExpectMetric(`buildrelay_connections{app="3"}`, "has all of them", func(n float64) bool { return n == clients })
		if shed := w.Metric(`buildrelay_shed_total{why="handshakes"}`); int(shed) < h.Told() || shed == 0 {
			t.Errorf("%v were shed, %d clients told so", shed, h.Told())
		}
		h.Reset()
	}
	w.expectGone()
}

func TestAPageInAHerdComesBack(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, map[string]string{"RELAY_MAX_HANDSHAKES": "30"})
	page := relaytest.StartPusherJS(t, "8.6.0", w.Relay, relaytest.PusherJSOptions{})
	page.ExpectState("connected")
	h := relaytest.NewHerd(w.Relay, 120)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var herding errgroup.Group
	herding.Go(func() error {
		for ctx.Err() == nil {
			if err := h.Come(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			h.Reset()
		}
		return nil
	})
	for told := false; !told; {
		page.Cut()
		told = page.Expect("being told to come later, or not", func(s relaytest.Said) bool {
			return s.Type == "state" && s.Current == "connected" || s.Type == "error" && s.Code != nil && *s.Code == 4100
		}).Type == "error"
	}
	stop()
	if err := herding.Wait(); err != nil {
		t.Error(err)
	}
	page.ExpectState("connected")
}
