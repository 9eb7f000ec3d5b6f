package loopback_test

import (
	"testing"

	"buildrelay/relay/loopback"
)

func TestThisMachineIsKnownByItsOwnNamesAlone(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "[::1]": false, "10.0.0.1": false, "128.0.0.1": false, "localhost.example.com": false,
		"127.0.0.1.example.com": false, "127.1": false, "127.0.0.1:80": false, "::1%lo": false, "::ffff:10.0.0.1": false,
	} {
		if got := loopback.IsHost(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
