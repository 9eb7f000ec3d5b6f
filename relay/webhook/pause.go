package webhook

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// pauseAfter is how long to wait after so many tries: twice as long after each, and a
// tenth more or less, so that nodes and targets do not try in step.
func pauseAfter(tries int) time.Duration {
	pause := longestPause
	if doublings := tries - 1; doublings < 5 {
		pause = firstPause << doublings
	}
	return min(longestPause, pause*9/10+rand.N(pause/5))
}
