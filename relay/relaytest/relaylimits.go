package relaytest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// StartRelayWithDescriptors is StartRelay, but for a process that may have no more than n
// file descriptors.
func StartRelayWithDescriptors(t testing.TB, n int, env map[string]string) *Relay {
	t.Helper()
	script := filepath.Join(t.TempDir(), "buildrelay")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d && exec '%s' \"$@\"\n", n, Build(t))
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return start(t, script, env, nil)
}
