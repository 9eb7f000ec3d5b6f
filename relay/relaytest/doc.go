// Package relaytest starts what the tests of the relay talk to and with: a real
// Redis, the real binary, real Pusher clients and SDKs, and a WebSocket client
// that can misbehave.
//
// Whatever a Start or Dial function returns ends with the test that asked for
// it. The methods that expect something wait for it at most [Patience] and then
// fail the test, printing what came instead; they must be called from the test's
// own goroutine.
package relaytest

import (
	"os"
	"time"
)

// Patience is how long something expected may take. It is long, since a machine
// that runs all tests at once is slow; nothing waits so long but a test that fails.
const Patience = 30 * time.Second

// The app of the fixture, taken from the signature examples in Pusher's
// documentation.
const (
	AppID  = "3"
	Key    = "278d425bdf160c739803"
	Secret = "7ad3773142a6692b25b8"
)

// Full says that the whole matrix of client versions and the long tests are
// wanted (RELAY_TEST_FULL=1, make test-full).
func Full() bool { return os.Getenv("RELAY_TEST_FULL") == "1" }

// Lasting is d where Full, else short.
func Lasting(d, short time.Duration) time.Duration {
	if Full() {
		return d
	}
	return short
}
