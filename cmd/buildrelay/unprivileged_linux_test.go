package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// nobodyID is the user and the group of the image.
const nobodyID = 65532

// confine is a script that runs the program as its first argument says, as nobody, without a
// capability, where nothing can be written to but the data folder.
const confine = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec unshare --mount --propagation private sh -c '
mount --bind "$RELAY_DATA_DIR" "$RELAY_DATA_DIR" || exit 1
cut -d " " -f 2 /proc/self/mounts | grep -vxF "$RELAY_DATA_DIR" | while read -r at; do
  mount -o remount,bind,ro "$at" 2>/dev/null
done
exec setpriv --reuid %[1]d --regid %[1]d --clear-groups --no-new-privs --bounding-set -all --inh-caps -all "$0" "$@"
' %[2]s "$@"
`

// reachableDir makes a folder of a test one that anybody can get to.
func reachableDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// confined makes the script, with a program that nobody can get to though the folder of the
// tree may be somebody's own.
func confined(t *testing.T) (script string) {
	t.Helper()
	if os.Getuid() != 0 || exec.Command("unshare", "--mount", "true").Run() != nil {
		t.Skip("not run: only root can confine the program, and may not here")
	}
	dir := reachableDir(t)
	text, err := os.ReadFile(relaytest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "buildrelay")
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	script = filepath.Join(dir, "confine")
	if err := os.WriteFile(script, fmt.Appendf(nil, confine, nobodyID, program), 0o755); err != nil {
		t.Fatal(err)
	}
	return script
}

// As user 65532, without a capability, where only its data folder can be written to, a node
// does all its work. It reads secrets as Kubernetes mounts them: root's, for its group.
func TestANodeNeedsNoMoreThanItsDataFolder(t *testing.T) {
	t.Parallel()
	script := confined(t)
	data := reachableDir(t)
	key := filepath.Join(reachableDir(t), "audit-key")
	for _, err := range []error{
		os.Chown(data, nobodyID, nobodyID), os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o440), os.Chown(key, 0, nobodyID), os.Chmod(key, 0o440),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server := relaytest.StartRedis(t)
	r := relaytest.LaunchRelayOf(t, script, with(server, map[string]string{
		"RELAY_DATA_DIR": data, "RELAY_AUDIT_NODE": "node-1", "RELAY_AUDIT_KEY_FILE": key, "RELAY_LOG_RULES": "private-build-* replay=all",
	}))
	r.AwaitReady()
	t.Cleanup(r.Stop) // when its clients are gone
	expectConfined(t, r.PID(), data)
	a := audited{r, server, data}
	watchABuild(t, a, "private-build-1")
	x := r.ConnectXHR(relaytest.XHROptions{})
	x.Subscribe("news")
	a.await(t, "relay.subscription.grant", nil)
	expectWritesOnly(t, r.PID(), data)
	for _, line := range r.Log() {
		if strings.Contains(line, "denied") || strings.Contains(line, "read-only") || strings.Contains(line, "not permitted") {
			t.Errorf("it misses something: %s", line)
		}
	}
}

// expectConfined looks whether the process is what it is meant to be: else the test says nothing.
func expectConfined(t *testing.T, pid int, data string) {
	t.Helper()
	status := readProc(t, pid, "status")
	for _, want := range []string{fmt.Sprintf("Uid:\t%[1]d\t%[1]d", nobodyID), "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(status, want) {
			t.Errorf("it is not confined: no %q in\n%s", want, status)
		}
	}
	for line := range strings.Lines(readProc(t, pid, "mounts")) {
		fields := strings.Fields(line) // device, place, kind, options
		writable := strings.HasPrefix(fields[3], "rw")
		if disk := strings.HasPrefix(fields[0], "/dev/") || fields[2] == "overlay" || fields[1] == "/"; disk && writable && fields[1] != data {
			t.Errorf("%s can be written to", fields[1])
		}
	}
}

// expectWritesOnly looks at the files that are open.
func expectWritesOnly(t *testing.T, pid int, data string) {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, fd := range open {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/dev/") {
			continue // closed meanwhile, a socket or a pipe
		}
		_, flags, _ := strings.Cut(readProc(t, pid, "fdinfo/"+fd.Name()), "flags:\t")
		flags, _, _ = strings.Cut(flags, "\n")
		switch how, err := strconv.ParseUint(flags, 8, 64); {
		case err != nil:
			t.Fatalf("%s is open by %q", path, flags)
		case how&3 == 0: // for reading
		case strings.HasPrefix(path, data+"/"):
			written++
		default:
			t.Errorf("%s is open for writing", path)
		}
	}
	if written == 0 {
		t.Error("no file of the data folder is open for writing")
	}
}

func readProc(t *testing.T, pid int, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
