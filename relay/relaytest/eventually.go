package relaytest

import (
	"testing"
	"time"
)

// Eventually waits for something that is told in no other way: until is returns true.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	waitFor(t, what, 2*time.Millisecond, is)
}

// waitFor is Eventually, for what is not to be asked more often than every so often.
func waitFor(t testing.TB, what string, every time.Duration, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	again := time.NewTicker(every)
	defer again.Stop()
	for !is() {
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
