package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/broker"
	"buildrelay/relay/relaytest"
)

// The second part of a value is not shown by a node that has not heard the first: the log has it
// masked.
func TestAnEventBehindOneThatWasNotHeardIsWithheld(t *testing.T) {
	t.Parallel()
	l := newMaskRig(t, newMasker(t))
	l.register("a", secret)
	l.mustAppend("e", "one hunter2-")
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	two := l.mustAppend("e", "hunter2 two hunter2-")
	l.expect("withheld 1 a at " + two.String())
	three := l.mustAppend("e", "hunter2 three hunter2-")
	l.expect(fmt.Sprintf("event 1 a e *** three hunter2- at %s after %s sealed", three, two.ID))

	l.do("CLIENT", "KILL", "TYPE", "pubsub")
	l.expect("interrupted", "confirmed 1 a")
	four := l.mustAppend("e", "hunter2 four")
	l.expect("withheld 1 a at " + four.String())
	if diff := cmp.Diff([]string{"one hunter2-", "*** two hunter2-", "*** three hunter2-", "*** four"}, datas(l.read(first))); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// With Slanger's contract an event of another channel may come between.
func TestAnEventOfAnotherChannelIsNotTheOneBefore(t *testing.T) {
	t.Parallel()
	l := joinSlangerRig(t, relaytest.StartRedis(t).URL())
	l.register("", secret)
	l.Watch("1", "live")
	l.expect("confirmed 1 live")
	for _, e := range [][2]string{{"live", "hunter2-"}, {"other", "hunter2-"}, {"live", "hunter2"}, {"other", "hunter2"}} {
		l.do("PUBLISH", "live", fmt.Sprintf(`{"event":"e","channel":%q,"data":%q}`, e[0], e[1]))
	}
	l.expect("event 1 live e hunter2-", "event 1 other e hunter2-", "event 1 live e ***", "event 1 other e ***")
}

func joinSlangerRig(t *testing.T, url string) *logRig {
	t.Helper()
	l := newLogRig(t, url, newMasker(t).masks, slanger(true), func(c *broker.Config) { c.LogRule = nil })
	l.start().waitReady()
	return l
}

func TestWhatIsNotHeardAnyMoreIsNotRemembered(t *testing.T) {
	t.Parallel()
	l := newLogRig(t, relaytest.StartRedis(t).URL(), newMasker(t).masks)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx, sink{l.told}, func() {}) })
	l.waitReady()
	l.register("a", secret)
	l.Watch("1", "a")
	l.expect("confirmed 1 a")
	at := l.mustAppend("e", "1")
	l.expect(fmt.Sprintf("event 1 a e 1 at %s after 0-0", at))
	l.Unwatch("1", "a")
	relaytest.Eventually(t, "Redis is told", func() bool {
		return l.client.PubSubNumSub(t.Context(), "buildrelay:1:a").Val()["buildrelay:1:a"] == 0
	})
	l.Watch("1", "b") // Redis answers in order
	l.expect("confirmed 1 b")
	stop()
	running.Wait()
	if n := broker.Remembered(l.Broker); n > 0 {
		t.Errorf("%d events are remembered", n)
	}
}
