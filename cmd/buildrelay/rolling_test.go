package main_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// rolling is three nodes behind a balancer, which are restarted one after the other.
type rolling struct {
	fallbackNodes
	t     *testing.T
	door  *door
	log   *numberedLog
	pages map[string]logPage // by transport
	crew  *relaytest.Crew
	// held is how many connections the nodes had that have stopped.
	held int
}

// F17: each client is asked to come again once for each restart of its node, and comes to
// another one; nothing is lost, and nothing comes twice.
func TestARollingRestartNobodyNotices(t *testing.T) {
	t.Parallel()
	window := relaytest.Lasting(30*time.Second, 2*time.Second)
	nodes := newFallbackNodes(t, 3, map[string]string{
		"RELAY_LOG_RULES": "private-build-*", "RELAY_DRAIN_DELAY": "100ms", "RELAY_DRAIN_WINDOW": window.String(),
	}, nil)
	r := &rolling{fallbackNodes: nodes, t: t, door: openDoor(t, nodes.all), pages: map[string]logPage{}}
	r.log = &numberedLog{t: t, redis: r.redis, channel: "private-build-7"}
	r.log.grow(20)
	for _, transport := range []string{"ws", "xhr_streaming", "xhr_polling"} {
		r.pages[transport] = r.log.read("8.6.0", r.all[0], relaytest.PusherJSOptions{
			Build: "web", Via: r.door.address(), Transports: []string{transport}, Patience: 2*relaytest.Patience + window,
		})
	}
	r.crew = relaytest.JoinCrew(t, r.door.address(), int(relaytest.Lasting(300, 40)))
	for i := range r.all { // the first one, which was alone at first, is the last
		r.restart(len(r.all)-1-i, window)
	}
	r.expectUnnoticed()
	for _, w := range r.all {
		w.Kill() // those who are still there would have the window once more
	}
}

// restart restarts a node, while lines come.
func (r *rolling) restart(i int, window time.Duration) {
	w, began := r.all[i], time.Now()
	w.Signal(syscall.SIGTERM)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for w.Runs() && time.Since(began) < window+relaytest.Patience {
		<-tick.C
		r.log.grow(1)
	}
	r.held += strings.Count(strings.Join(w.Log(), "\n"), `"msg":"client connected"`)
	if strings.Contains(strings.Join(w.Log(), "\n"), `"alone":true`) {
		r.t.Errorf("node %d took itself to be alone", i)
	}
	w.Restart()
	r.log.grow(1)
	for _, page := range r.pages {
		page.expectNewest()
	}
}

func (r *rolling) expectUnnoticed() {
	asked, p99, peak, wrong := r.crew.Report()
	if wrong != nil {
		r.t.Errorf("connections ended otherwise: %v", wrong)
	}
	r.log.end()
	for transport, page := range r.pages {
		closes, connects := map[int]int{}, -1
		for _, said := range page.Said() {
			switch {
			case said.Type == "message" && said.Event == "pusher:error":
				closes[codeOf(r.t, said)]++
			case said.Type == "state" && said.Current == "connected":
				connects++
			}
		}
		if closes[4200] != connects || len(closes) > 1 || connects > 3 && transport == "ws" {
			r.t.Errorf("the page by %s was told %v, and connected %d times more: %v", transport, closes, connects, page.States())
		}
		asked += closes[4200]
		if log := page.ExpectTold("complete"); !log.Complete {
			r.t.Errorf("the page by %s has the log %+v", transport, log)
		}
		page.expectLines(1)
	}
	r.t.Logf("asked %d times to come again, by nodes that had %d connections; 99%% were back within %v, at most %d in a second", asked, r.held, p99, peak)
	if asked != r.held {
		r.t.Errorf("clients were asked %d times to come again, by nodes that had %d connections", asked, r.held)
	}
	if p99 > 3*time.Second {
		r.t.Errorf("99%% were back within %v", p99)
	}
}
