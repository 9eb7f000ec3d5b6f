package relaytest

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// startNode runs a script of clients/ for a version of the client it drives.
// certs, if not nil, is trusted.
func startNode(t testing.TB, script, version string, options map[string]any, certs *Certs) *child {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "relay", "relaytest", "clients")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal("the Pusher clients are not installed: run .ci/setup clients")
	}
	cmd := exec.Command("node", script, version, encode(t, options))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
	if certs != nil {
		cmd.Env = append(cmd.Env, "NODE_EXTRA_CA_CERTS="+certs.CAFile)
	}
	return startChild(t, script+" "+version, cmd)
}

// tell gives the script a command.
func (c *child) tell(t testing.TB, command map[string]any) {
	t.Helper()
	if _, err := c.stdin.Write([]byte(encode(t, command) + "\n")); err != nil {
		t.Fatalf("%s: telling it %v: %v\n%s", c.name, command, err, c.said())
	}
}

// target is the part of a client's options that says where r is.
func (r *Relay) target(t testing.TB) map[string]any {
	t.Helper()
	host, port, err := net.SplitHostPort(r.Address)
	if err != nil {
		t.Fatalf("the relay's address: %v", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatalf("the relay's port: %v", err)
	}
	return map[string]any{"host": host, "port": number, "tls": r.Certs != nil, "key": Key, "secret": Secret}
}

func encode(t testing.TB, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("encoding %v: %v", value, err)
	}
	return string(encoded)
}
