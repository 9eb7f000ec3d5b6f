package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// What somebody removed from Redis is there again when it is said again.
func TestWhatIsSaidAgainIsToldAgain(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		client := relaytest.RedisClient(t, url)
		n := startNode(t, url)
		n.enter(room, "a")
		n.Count("1", "counted", 2)
		if got := n.roll(room) + ", " + n.roll("counted"); got != "a, count 2" {
			t.Fatalf("rolls %q", got)
		}
		for _, key := range client.Keys(t.Context(), "*").Val() {
			if strings.Contains(key, ":m:") || strings.Contains(key, ":c:") {
				client.Del(t.Context(), key)
			}
		}
		n.enter(room, "a")
		n.Count("1", "counted", 2)
		if got := n.roll(room) + ", " + n.roll("counted"); got != "a, count 2" {
			t.Errorf("rolls %q", got)
		}
	})
}

// A roll that is known is not read again, but in a hold.
func TestARollThatIsKnownIsNotAnswered(t *testing.T) {
	eachRedis(t, func(t *testing.T, url string) {
		n := startNode(t, url)
		n.enter(room, "a")
		known := n.ask(room).At
		n.Ask("1", room, known)
		n.enter(room, "b")
		n.Ask("1", room, known)
		if got := rollText(n.told.nextRoll(t, room)); got != "a b" {
			t.Errorf("the next answer is %q, want the roll that is not known", got)
		}
	})
}

// What the HTTP API reads does not wait until nothing happens any more.
func TestReadsWaitForWhatWasSaidBeforeAlone(t *testing.T) {
	t.Parallel()
	n := startNode(t, relaytest.StartRedis(t).URL())
	n.roll(room)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // waited for below
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				n.Count("1", fmt.Sprint("busy-", i%1000), 1+i/1000)
			}
		}
	}()
	for i := range 20 {
		n.Count("1", "mine", i+1)
		if got, err := countOf(t, n, "mine"); err != nil || got != i+1 {
			t.Errorf("%d subscriptions, %v, want %d", got, err, i+1)
		}
	}
	close(stop)
	<-stopped
}

// Many large rolls are answered in several calls, so that nobody waits for Redis long.
func TestLargeRollsAreAnsweredOneAfterTheOther(t *testing.T) {
	t.Parallel()
	n := startNode(t, relaytest.StartRedis(t).URL())
	info := `{"name":"` + strings.Repeat("x", 950) + `"}`
	const channels, members = 40, 100
	name := func(i int) string { return fmt.Sprint("presence-", i) }
	for c := range channels {
		for m := range members {
			n.Enter("1", name(c), protocol.Member{ID: fmt.Sprint("u", m), Info: info}, 0)
		}
	}
	for c := range channels {
		n.Ask("1", name(c), protocol.Version{})
	}
	for c := range channels {
		if got := len(n.told.nextRoll(t, name(c)).Members); got != members {
			t.Errorf("%s: %d members", name(c), got)
		}
	}
}
