package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// flood publishes n events of 25 kB on a channel, never further ahead of the reader
// than the relay lets one lag, 256 KiB.
func flood(t *testing.T, w world, reader *relaytest.Client, channel string, n int) {
	t.Helper()
	const ahead = 6
	filler := strings.Repeat("x", 25_000)
	read := 0
	for i := range n {
		w.tell(t, channel, fmt.Sprintf(`{"event":"n","data":"%d %s"}`, i, filler))
		for ; read < i-ahead || i == n-1 && read < n; read++ {
			expectNumber(t, reader.Expect("n"), read)
		}
	}
}

// expectNumber looks at the number that flood wrote, and no further: to decode all
// data takes longer than to bring it.
func expectNumber(t *testing.T, r relaytest.Received, want int) {
	t.Helper()
	if !strings.HasPrefix(string(r.Data), fmt.Sprintf(`"%d `, want)) {
		t.Fatalf("got %.20s, want %d", r.Data, want)
	}
}

// 50 MB are published to one who reads and one who does not. The one that reads
// misses nothing, the relay does not keep the rest, and others do not notice.
func TestClientThatNeverReadsIsCutOffAndHarmsNobody(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, map[string]string{"RELAY_WRITE_TIMEOUT": "2s", "RELAY_FLUSH_WINDOW": "1ms"}, func(t *testing.T, w world) {
		reader, witness := w.Connect(), w.Connect()
		reader.Subscribe("log")
		witness.Subscribe("other")
		settled := w.settled(t)
		memory := w.Metric("process_resident_memory_bytes")
		deaf := w.Dial(relaytest.WSOptions{Deaf: true})
		deaf.Send(subscribing(`"channel":"log"`))
		w.ExpectMetric("buildrelay_subscriptions", "grows to 3", func(n float64) bool { return n == 3 })
		for round := range 5 { // of 10 MB
			flood(t, w, reader.Client, "log", 400)
			w.publish("tick", fmt.Sprint(round), "other")
			if got := witness.Expect("tick").DataString(t); got != fmt.Sprint(round) {
				t.Errorf("got tick %s, want %d", got, round)
			}
		}
		if grown := w.Metric("process_resident_memory_bytes") - memory; grown > 50<<20 {
			t.Errorf("the relay grew by %.0f MiB", grown/(1<<20))
		}
		w.ExpectMetric(`buildrelay_connections{app="3"}`, "falls to 2", func(n float64) bool { return n == 2 })
		settled()
	})
}

// Who reads again in time goes on where the relay's memory begins, and is told how
// much it missed, to the event.
func TestClientThatReadsAgainIsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	plainAndTLS(t, map[string]string{"RELAY_FLUSH_WINDOW": "1ms"}, func(t *testing.T, w world) {
		reader := w.Connect()
		reader.Subscribe("log")
		slow := w.Dial(relaytest.WSOptions{Deaf: true})
		slow.Send(subscribing(`"channel":"log"`))
		w.ExpectMetric("buildrelay_subscriptions", "grows to 2", func(n float64) bool { return n == 2 })
		const events = 600
		flood(t, w, reader.Client, "log", events)
		w.publish("end", "{}", "log")
		slow.Hear()
		slow.Established()
		slow.Expect("pusher_internal:subscription_succeeded")
		next, lost := 0, 0
		for r := slow.Next(); r.Event != "end"; r = slow.Next() {
			switch r.Event {
			case "n":
				expectNumber(t, r, next)
				next++
			case "relay:lost":
				n := lostCount(t, r, "log")
				next += n
				lost += n
			default:
				t.Fatalf("got %s", r)
			}
		}
		if next != events {
			t.Errorf("%d events were delivered or lost, want %d", next, events)
		}
		if lost == 0 {
			t.Error("nothing was lost: the test did not test anything")
		}
		if n := w.Metric("buildrelay_events_lost_total"); n != float64(lost) {
			t.Errorf("counted %v lost events, told of %d", n, lost)
		}
		slow.ExpectOpen()
	})
}

func lostCount(t *testing.T, r relaytest.Received, channel string) int {
	t.Helper()
	var told struct {
		Channel string `json:"channel"`
		Count   int    `json:"count"`
	}
	if err := json.Unmarshal([]byte(r.DataString(t)), &told); err != nil || told.Channel != channel || told.Count < 1 {
		t.Fatalf("told %s: %v", r, err)
	}
	return told.Count
}
