package roster_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
	"buildrelay/relay/roster"
)

// shortLease is about the shortest that an outbox may have.
const shortLease = 3 * time.Second

// startKnown starts a node, and waits until Redis knows it: then there is an epoch, which
// leases last for.
func startKnown(t testing.TB, url string, changes ...func(*roster.Config)) *node {
	t.Helper()
	n := startNode(t, url, append(changes, withOutbox)...)
	n.roll(room)
	return n
}

// sendAll notes an event in each of some channels, of all partitions.
func sendAll(n *node, event string) {
	for i := range 100 {
		n.Note(clientEvent(fmt.Sprint("private-", i), event, ""))
	}
}

func ids(all []protocol.Occurrence) map[string]bool {
	set := make(map[string]bool)
	for _, o := range all {
		set[fmt.Sprint(o.Partition, "-", o.ID)] = true
	}
	return set
}

func TestOneNodeAtATimeTakesWhatCameToAPartition(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, first, second := startKnown(t, url), newTaker(t, url, shortLease), newTaker(t, url, shortLease)
		first.poll()
		sendAll(a, "client-1")
		taken := first.take(100)
		if second.poll(); len(second.got) > 0 {
			t.Fatalf("two have %q", texts(second.got))
		}
		first.done(taken[:40])
		// The first is not heard of any more; the other takes what is not done.
		rest := second.take(60)
		if diff := cmp.Diff(ids(taken[40:]), ids(rest)); diff != "" {
			t.Errorf("taken over (-want +got):\n%s", diff)
		}
		if lost := first.poll(); len(lost) != 16 || len(first.got) > 0 {
			t.Errorf("the first has lost %v, and has %q", lost, texts(first.got))
		}
		if lost := first.poll(); len(lost) > 0 {
			t.Errorf("lost again: %v", lost)
		}
		if _, err := first.Standing(t.Context(), taken[40:]); err == nil {
			t.Error("what is another's stands")
		}
		first.done(taken[40:50])
		if standing := second.standing(rest); len(standing) != 50 {
			t.Errorf("%d stand, want 50", len(standing))
		}
	})
}

func TestWhatIsGivenBackIsAnothersAtOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, first, second := startKnown(t, url), newTaker(t, url, time.Hour), newTaker(t, url, time.Hour)
		first.poll()
		sendAll(a, "client-1")
		taken := first.take(100)
		if err := second.Release(t.Context()); err != nil { // has nothing to give
			t.Fatal(err)
		}
		if second.poll(); len(second.got) > 0 {
			t.Errorf("taken from another: %q", texts(second.got))
		}
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		if second.poll(); len(second.got) != 100 {
			t.Fatalf("%d of 100", len(second.got))
		}
		if diff := cmp.Diff(ids(taken), ids(second.got)); diff != "" {
			t.Errorf("of the other (-want +got):\n%s", diff)
		}
		if lost := first.poll(); len(lost) > 0 {
			t.Errorf("what was given back is lost: %v", lost)
		}
	})
}

func TestWhatRedisLosesIsLost(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startKnown(t, url, quick), newTaker(t, url, time.Hour)
		a.Note(clientEvent("private-x", "client-1", ""))
		taken := k.expect("client_event private-x client-1")
		relaytest.RedisClient(t, url).FlushAll(t.Context())
		if _, err := k.Standing(t.Context(), taken); err == nil {
			t.Error("what Redis lost stands")
		}
		a.roll(room) // there is a new epoch
		if lost := k.poll(); len(lost) != 16 {
			t.Errorf("lost %v, want all", lost)
		}
		a.Note(clientEvent("private-x", "client-2", ""))
		k.expect("client_event private-x client-2")
		if standing := k.standing(taken); len(standing) > 0 {
			t.Errorf("standing: %q", texts(standing))
		}
	})
}

// Who tells may be in the midst of it when Redis is restarted, or another server takes its
// place, and nobody else is to tell the same. There may be entries that were not seen.
func TestALeaseOutlivesARestartOfRedis(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t, relaytest.RedisKeeps())
	a, k, other := startKnown(t, server.URL(), quick), newTaker(t, server.URL(), time.Hour), newTaker(t, server.URL(), time.Hour)
	k.poll()
	a.Note(clientEvent("private-x", "client-1", ""))
	taken := k.expect("client_event private-x client-1")
	epoch := server.Client().Get(t.Context(), home("1", "private-x")+"epoch").Val()
	server.Restart()
	relaytest.Eventually(t, "there is a new epoch", func() bool {
		now, err := server.Client().Get(t.Context(), home("1", "private-x")+"epoch").Result()
		return err == nil && now != epoch
	})
	if lost := other.poll(); len(lost)+len(other.got) > 0 {
		t.Errorf("another node takes %q", texts(other.got))
	}
	if standing := k.standing(taken); len(standing) != 1 {
		t.Error("what was taken does not stand any more")
	}
	a.Note(clientEvent("private-x", "client-2", ""))
	k.expect("client_event private-x client-1", "client_event private-x client-2")
	if lost := k.poll(); len(lost)+len(k.got) > 0 {
		t.Errorf("lost %v, and taken again %q", lost, texts(k.got))
	}
}

// Where the link to Redis is cut all is lost before the lease ends, and another takes it.
func TestWhoIsCutOffLosesAllAndBeginsAnew(t *testing.T) {
	t.Parallel()
	server := relaytest.StartRedis(t)
	link := faults.StartHoleLink(t, server.Address())
	a, other := startKnown(t, server.URL()), newTaker(t, server.URL(), shortLease)
	k := newTaker(t, "redis://"+link.Address(), shortLease)
	k.poll()
	sendAll(a, "client-1")
	taken := k.take(100)
	link.Swallow()
	var lost []int
	for len(lost) == 0 {
		_, now, err := k.Poll(t.Context())
		if err == nil {
			t.Fatal("no error without a link")
		}
		lost = now
	}
	if len(lost) != 16 {
		t.Errorf("lost %v, want all", lost)
	}
	if diff := cmp.Diff(ids(taken), ids(other.take(100))); diff != "" {
		t.Errorf("taken over (-want +got):\n%s", diff)
	}
	link.Repair()
	relaytest.Eventually(t, "there is a link", func() bool {
		_, lost, err := k.Poll(t.Context())
		return err == nil && len(lost) == 0
	})
	if err := other.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids(taken), ids(k.take(100))); diff != "" {
		t.Errorf("after the link was cut (-want +got):\n%s", diff)
	}
}

// A call that fails takes nothing: what it would have taken the next one takes.
func TestACallThatFailsLosesNothing(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		a, k := startKnown(t, url), newTaker(t, url, time.Hour)
		k.poll()
		sendAll(a, "client-1")
		ended, end := context.WithCancel(t.Context())
		end()
		if taken, lost, err := k.Poll(ended); err == nil || len(taken)+len(lost) > 0 {
			t.Errorf("taken %q, lost %v, %v", texts(taken), lost, err)
		}
		relaytest.RedisClient(t, url).ScriptFlush(t.Context())
		taken := k.take(100)
		if err := k.Done(ended, taken); err == nil {
			t.Error("done without Redis")
		}
		if standing := k.standing(taken); len(standing) != 100 {
			t.Errorf("%d stand", len(standing))
		}
	})
}
