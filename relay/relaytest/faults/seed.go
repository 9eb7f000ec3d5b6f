package faults

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seed is RELAY_FAULT_SEED, or another one for each run.
func seed(t testing.TB) uint64 {
	t.Helper()
	text := os.Getenv("RELAY_FAULT_SEED")
	if text == "" {
		return rand.Uint64N(1e9)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("RELAY_FAULT_SEED=%s: it must be a number that a run printed", text)
	}
	return n
}

// dice draws the choices of one part of a run. It is not safe for concurrent use:
// every part has its own, so that one's pace does not change another's choices.
type dice struct{ *rand.Rand }

func newDice(seed, part uint64) dice { return dice{rand.New(rand.NewPCG(seed, part))} }

// between draws a time from a up to b.
func (d dice) between(a, b time.Duration) time.Duration {
	return a + time.Duration(d.Int64N(int64(b-a)+1))
}

// pause waits, and reports false if done was closed meanwhile.
func pause(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}
