package trials_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/faults"
)

// memoryFaults are those of a Redis that has no room left.
func memoryFaults() map[string]fault {
	return map[string]fault{
		"F25 Redis is full": {also: publishedOrRefusedSoon, Plan: faults.Plan{
			Nemesis: func(w *faults.World) {
				w.Wait(second, 2*second)
				w.Fault("full", func() {
					w.Fill("noeviction")
					w.Wait(second, second)
					refusesToPublish(w)
					w.Wait(relaytest.Lasting(60*second, 2*second), relaytest.Lasting(60*second, 3*second))
					w.MakeRoom()
				})
				w.Wait(second, 2*second)
			},
		}},
		"F25 Redis is full and evicts": {tells: true, Plan: faults.Plan{
			Evicts: true,
			Nemesis: func(w *faults.World) {
				for range 3 {
					w.Wait(second, second)
					w.Fault("evicts", func() {
						w.Fill("allkeys-lru")
						w.Wait(relaytest.Lasting(10*second, 3*second/2), relaytest.Lasting(10*second, 3*second/2))
						w.MakeRoom()
					})
				}
				w.Wait(second, 2*second)
			},
		}},
	}
}

// refusesToPublish says that the relay refuses at once what Redis has no room for, and
// shows what it has.
func refusesToPublish(w *faults.World) {
	w.T.Helper()
	const log = "/channels/private-all-1"
	begun := time.Now()
	body := fmt.Sprintf(`{"name":"n","channel":"private-all-1","data":%q}`, strings.Repeat("x", 1000))
	status, reply := w.Relays[0].Request(http.MethodPost, "/events", body)
	if took := time.Since(begun); status != http.StatusServiceUnavailable || !strings.Contains(reply, "storage full") || took > 2*second {
		w.T.Errorf("a full Redis is told by %d %s after %s", status, reply, took)
	}
	if status, reply := w.Relays[0].Request(http.MethodGet, log+"/log", ""); status != http.StatusOK || !strings.Contains(reply, "|private-all-1|") {
		w.T.Errorf("the log is answered by %d %.200s", status, reply)
	}
}
