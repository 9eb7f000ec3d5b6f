package faults

import (
	"strconv"
	"strings"
	"time"
)

// Crash kills a relay, has it away for a while, which is the fault, and starts it again on
// its addresses. It returns how long it took from the start until it was ready.
func (w *World) Crash(relay int, away time.Duration) (ready time.Duration) {
	w.T.Helper()
	w.Fault("a relay is killed", func() {
		w.Relays[relay].Kill()
		w.Wait(away, away)
	})
	begun := time.Now()
	w.Relays[relay].Restart()
	return time.Since(begun)
}

// Fill leaves Redis no room for anything more, with a maxmemory-policy of Redis', until
// [World.MakeRoom]. With a policy that evicts some room is left: what Redis is about to
// evict for the next thing is what was not used for the longest time.
func (w *World) Fill(policy string) {
	w.T.Helper()
	limit := w.used() / 2
	if policy != "noeviction" {
		limit = w.used() + 64<<10
	}
	w.configure("maxmemory-policy", policy)
	w.configure("maxmemory", strconv.FormatInt(limit, 10))
}

// MakeRoom ends a Fill.
func (w *World) MakeRoom() { w.configure("maxmemory", "0") }

// used is how much memory Redis has in use.
func (w *World) used() int64 {
	w.T.Helper()
	info, err := w.Redis.Client().Info(w.T.Context(), "memory").Result()
	if err != nil {
		w.T.Fatalf("asking Redis for its memory: %v", err)
	}
	for line := range strings.Lines(info) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "used_memory:")
		if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil {
			return n
		}
	}
	w.T.Fatal("Redis does not tell its memory")
	return 0
}

func (w *World) configure(name, value string) {
	w.T.Helper()
	if err := w.Redis.Client().ConfigSet(w.T.Context(), name, value).Err(); err != nil {
		w.T.Errorf("%s %s: %v", name, value, err)
	}
}
