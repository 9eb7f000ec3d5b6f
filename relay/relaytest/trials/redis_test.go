package trials_test

import (
	"net/http"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/checker"
	"buildrelay/relay/relaytest/faults"
)

const second = time.Second

// redisFaults are those of the server.
func redisFaults() map[string]fault {
	keeps := []relaytest.RedisOption{relaytest.RedisKeeps()}
	all := map[string]fault{
		"F3 Redis is restarted": {also: publishedOrRefusedSoon, Plan: faults.Plan{
			Redis: keeps,
			Nemesis: func(w *faults.World) {
				w.Wait(second, 2*second)
				w.Fault("restart", func() {
					w.Redis.Stop()
					w.Wait(3*second, 3*second)
					w.Redis.Restart()
				})
				w.Wait(2*second, 3*second)
			},
		}},
		"F4 Redis is killed and has a file": {also: publishedOrRefusedSoon, Plan: faults.Plan{
			Redis: keeps,
			Nemesis: func(w *faults.World) {
				for range 2 {
					w.Wait(second, 2*second)
					killRedis(w)
				}
				w.Wait(2*second, 3*second)
			},
		}},
		"F5 Redis is killed and forgets all": {tells: true, also: eachOnce, Plan: faults.Plan{
			Forgets: true,
			Nemesis: func(w *faults.World) {
				for range 2 {
					w.Wait(2*second, 3*second)
					killRedis(w)
				}
				w.Wait(2*second, 3*second)
			},
		}},
		"Redis is killed and has an old snapshot": {tells: true, also: eachOnce, Plan: faults.Plan{
			Redis:   []relaytest.RedisOption{relaytest.RedisSnapshots()},
			Rewinds: true,
			Nemesis: func(w *faults.World) {
				for range 2 {
					w.Wait(second, 2*second)
					save(w)
					w.Wait(second, 2*second)
					killRedis(w)
				}
				w.Wait(2*second, 3*second)
			},
		}},
		"F6 Redis stands still for 5 s": {also: publishedOrRefusedSoon, Plan: faults.Plan{Nemesis: freeze(5 * second)}},
	}
	if relaytest.Full() {
		all["F6 Redis stands still for 30 s"] = fault{
			stale: true, Plan: faults.Plan{Nemesis: freezeUntilStale}, also: staleInTime,
		}
	}
	return all
}

func killRedis(w *faults.World) {
	w.Fault("kill", func() {
		w.Redis.Kill()
		w.Wait(0, second)
		w.Redis.Restart()
	})
}

func save(w *faults.World) {
	if err := w.Redis.Client().Do(w.T.Context(), "SAVE").Err(); err != nil {
		w.T.Errorf("saving a snapshot: %v", err)
	}
}

// eachOnce says that who reads all the time is told once each time that Redis
// forgets something.
func eachOnce(t *testing.T, r faults.Result) {
	t.Helper()
	for _, v := range r.History.Views {
		stays := v.Reader == "stock" || v.Reader == "resuming"
		if gaps := len(seen(v, checker.GapTold)); stays && gaps != len(r.History.Faults) {
			t.Errorf("%s of %s was told %d gaps", v.Reader, v.Channel, gaps)
		}
	}
}

func freeze(d time.Duration) func(w *faults.World) {
	return func(w *faults.World) {
		w.Wait(second, 2*second)
		w.Fault("freeze", func() {
			w.Redis.Freeze()
			w.Wait(d, d)
			w.Redis.Thaw()
		})
		w.Wait(2*second, 3*second)
	}
}

// freezeUntilStale is a freeze of 30 s in which the relay must cease to be ready.
func freezeUntilStale(w *faults.World) {
	w.Wait(second, 2*second)
	w.Fault("freeze", func() {
		w.Redis.Freeze()
		w.Wait(15*second, 15*second)
		if status := w.Relays[0].Readiness(w.T.Context()); status != http.StatusServiceUnavailable {
			w.T.Errorf("while Redis stands still /readyz says %d", status)
		}
		w.Wait(15*second, 15*second)
		w.Redis.Thaw()
	})
	w.Wait(4*second, 5*second)
	if status := w.Relays[0].Readiness(w.T.Context()); status != http.StatusOK {
		w.T.Errorf("/readyz says %d", status)
	}
}

// staleInTime looks when the readers were told. Who subscribes meanwhile is told at once.
func staleInTime(t *testing.T, r faults.Result) {
	t.Helper()
	frozen := r.History.Faults[0]
	const least, most = 8500 * time.Millisecond, 11500 * time.Millisecond
	for _, v := range r.History.Views {
		var subscribed time.Time
		for _, s := range v.Sights {
			switch after := s.Time.Sub(frozen.Begun); {
			case s.Kind == checker.Subscribed:
				subscribed = s.Time
			case s.Kind == checker.Stale && subscribed.Before(frozen.Begun) && (after < least || after > most):
				t.Errorf("%s of %s was told to be stale after %s", v.Reader, v.Channel, after)
			}
		}
	}
	for _, when := range told(r, checker.Fresh) {
		if after := when.Sub(frozen.Over); after > soon() {
			t.Errorf("told to be fresh after %s", after)
		}
	}
}
