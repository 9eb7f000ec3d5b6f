package authorize_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

// newCache keeps for 10 s what d decides.
func newCache(d authorize.Decider) *authorize.Cache {
	m := metrics.New(prometheus.NewRegistry())
	return &authorize.Cache{Next: d, Keep: 10 * time.Second, Patience: 2 * time.Second, Metrics: m.Authorizations, Now: time.Now}
}

func TestAnAnswerIsBelievedForAWhile(t *testing.T) {
	t.Parallel()
	for name, decide := range map[string]func(authorize.Question) (authorize.Answer, error){"yes": yes, "no": no} {
		synctest.Test(t, func(t *testing.T) {
			d := &decider{decide: decide}
			c := newCache(d)
			q := authorize.Question{App: "3", Channel: build, Cookie: "a"}
			ask := func(want int) {
				t.Helper()
				answer, err := c.Decide(t.Context(), q)
				wanted, wantedErr := decide(q)
				if !errors.Is(err, wantedErr) || (answer.Member == nil) != (wanted.Member == nil) || len(d.asked) != want {
					t.Errorf("%s: %+v, %v, asked %d times, want %d", name, answer, err, len(d.asked), want)
				}
			}
			ask(1)
			time.Sleep(9 * time.Second) //nolint:forbidigo // the bubble's time
			ask(1)
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
			ask(2)
			ask(2)
		})
	}
}

// The answer for one is not that for another, whatever they have in common.
func TestWhatIsKnownOfOneIsNotKnownOfAnother(t *testing.T) {
	t.Parallel()
	d := &decider{decide: yes}
	c := newCache(d)
	for i, q := range []authorize.Question{
		{App: "3", Channel: "private-a", Cookie: "x", Authorization: "y"},
		{App: "4", Channel: "private-a", Cookie: "x", Authorization: "y"},
		{App: "3", Channel: "private-b", Cookie: "x", Authorization: "y"},
		{App: "3", Channel: "", Cookie: "x", Authorization: "y"},
		{App: "3", Channel: "private-a", Cookie: "", Authorization: "y"},
		{App: "3", Channel: "private-a", Cookie: "xy", Authorization: ""},
		{App: "3", Channel: "private-a", Cookie: "", Authorization: "xy"},
		{App: "3", Channel: "private-a", Cookie: "", Authorization: ""},
		{App: "3", Channel: "private-ax", Cookie: "", Authorization: "y"},
	} {
		for range 2 {
			if _, err := c.Decide(t.Context(), q); err != nil || len(d.asked) != i+1 {
				t.Errorf("%+v: %v, asked %d times, want %d", q, err, len(d.asked), i+1)
			}
		}
	}
}

// Who asks again at once is no further load, and gets an answer a second later if there is one. That
// older answers are kept longer is nothing to it.
func TestWhatCouldNotBeDecidedIsAskedAgainASecondLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := true
		d := &decider{decide: func(q authorize.Question) (authorize.Answer, error) {
			if down && q.Channel == build {
				return authorize.Answer{}, errors.New("down")
			}
			return yes(q)
		}}
		c := newCache(d)
		if _, err := c.Decide(t.Context(), authorize.Question{Channel: people}); err != nil {
			t.Fatal(err)
		}
		for i, step := range []struct {
			later      time.Duration
			down, fail bool
			asked      int
		}{
			{0, true, true, 2},
			{0, false, true, 2},
			{999 * time.Millisecond, false, true, 2},
			{time.Millisecond, true, true, 3},
			{time.Second, false, false, 4},
			{5 * time.Second, true, false, 4},
		} {
			time.Sleep(step.later) //nolint:forbidigo // the bubble's time
			down = step.down
			_, err := c.Decide(t.Context(), authorize.Question{Channel: build})
			if (err != nil) != step.fail || errors.Is(err, authorize.ErrDenied) || len(d.asked) != step.asked {
				t.Errorf("step %d: %v, asked %d times, want %d", i, err, len(d.asked), step.asked)
			}
		}
	})
}

func TestWithoutATimeNothingIsKept(t *testing.T) {
	t.Parallel()
	d := &decider{decide: yes}
	c := newCache(d)
	c.Keep = 0
	for range 2 {
		if _, err := c.Decide(t.Context(), authorize.Question{}); err != nil {
			t.Error(err)
		}
	}
	if kept, ordered := c.Len(); len(d.asked) != 2 || kept+ordered != 0 {
		t.Errorf("asked %d times, kept %d", len(d.asked), kept)
	}
}

// waiting is a decider that waits until its context ends or it is let go.
type waiting struct {
	letGo chan struct{}
	asked int
}

func (w *waiting) Decide(ctx context.Context, q authorize.Question) (authorize.Answer, error) {
	w.asked++
	select {
	case <-w.letGo:
		return yes(q)
	case <-ctx.Done():
		return authorize.Answer{}, ctx.Err()
	}
}

// That the first goes away is nothing to those who wait with it.
func TestThoseWhoAskTheSameAreOneQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &waiting{letGo: make(chan struct{})}
		c := newCache(w)
		var all sync.WaitGroup
		ask := func(ctx context.Context) {
			all.Go(func() {
				if _, err := c.Decide(ctx, authorize.Question{Channel: build}); err != nil {
					t.Error(err)
				}
			})
		}
		first, leave := context.WithCancel(t.Context())
		ask(first)
		synctest.Wait()
		for range 20 {
			ask(t.Context())
		}
		leave()
		synctest.Wait()
		close(w.letGo)
		all.Wait()
		if w.asked != 1 {
			t.Errorf("asked %d times", w.asked)
		}
	})
}

func TestWhoeverDoesNotAnswerInTimeHasSaidNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(&waiting{})
		begun := time.Now()
		if _, err := c.Decide(t.Context(), authorize.Question{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begun); waited != 2*time.Second {
			t.Errorf("after %v", waited)
		}
	})
}

// However many ask, no more is kept, and the newest are.
func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	d := &decider{decide: no}
	c := newCache(d)
	ask := func(i int) {
		_, _ = c.Decide(t.Context(), authorize.Question{Channel: build, Cookie: authCookie(i)})
	}
	const more = 500
	for i := range authorize.MostKept + more {
		ask(i)
	}
	if kept, ordered := c.Len(); kept != authorize.MostKept || ordered != kept {
		t.Errorf("%d are kept, %d in order", kept, ordered)
	}
	asked := len(d.asked)
	ask(more)
	if len(d.asked) != asked {
		t.Error("the oldest that there is room for is gone")
	}
	ask(more - 1)
	if len(d.asked) != asked+1 {
		t.Error("one that there was no room for is kept")
	}
}

func authCookie(i int) auth.Secret { return auth.Secret("session=" + strconv.Itoa(i)) }
