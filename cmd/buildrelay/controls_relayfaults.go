//go:build relayfaults

package main

import (
	"os"

	"buildrelay/relay"
)

// controls lets tests of the tests switch off what keeps the promise of log channels.
func controls() relay.Controls {
	return relay.Controls{
		WithoutResync: os.Getenv("RELAY_TEST_NO_RESYNC") != "",
		WithoutSeek:   os.Getenv("RELAY_TEST_NO_POSITION_CHECK") != "",
	}
}

// faultyParts starts, if a test wants that, a part that never ends.
func faultyParts(p *parts) {
	if os.Getenv("RELAY_TEST_HANG") != "" {
		p.run("a part that hangs", func() { select {} })
	}
}
