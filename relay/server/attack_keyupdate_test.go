package server_test

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/server"
)

// Row 23: who asks for new keys without end, and nothing else, is cut off; others are served.
func TestAFloodOfKeyUpdatesIsCutOff(t *testing.T) {
	t.Parallel()
	a := relaytest.NewAuthority(t)
	address := serveTLS(t, name("any"), server.TLS(always(a.Issue(nil).Pair)))
	const most = 100
	if n := updateKeys(t, address, most); n >= most {
		t.Errorf("keys were updated %d times and more", n)
	}
	if err := shake(t, address, a.Certs().Client()); err != nil {
		t.Errorf("another one: %v", err)
	}
}

// updateKeys updates the keys again and again, up to most times, and says how often it could.
// OpenSSL's client does so when it reads a K, and says so.
func updateKeys(t *testing.T, address string, most int) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", "s_client", "-connect", address, "-tls1_3")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting openssl (.ci/setup openssl installs it): %v", err)
	}
	defer func() { _ = cmd.Wait() }() // it fails where it is cut off
	defer input.Close()
	lines := bufio.NewScanner(output)
	for lines.Scan() { // after the session's ticket it takes what it is told
		switch {
		case strings.Contains(lines.Text(), "read R BLOCK") && n == 0, strings.Contains(lines.Text(), "KEYUPDATE") && n < most:
			n++
			_, _ = io.WriteString(input, "K\n") // it may have ended
		case n == most:
			return n
		}
	}
	if n == 0 {
		t.Error("openssl updated no keys")
	}
	return n
}
