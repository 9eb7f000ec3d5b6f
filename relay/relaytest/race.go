//go:build race

package relaytest

// raceFlag makes the binary under test as watchful as the test itself.
const raceFlag = "-race"
