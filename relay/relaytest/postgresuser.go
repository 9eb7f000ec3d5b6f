package relaytest

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
	"testing"
)

// postgresUser is the user that PostgreSQL is to run as, nil for the test's own. It refuses
// to run as root; its Debian package brings a user.
func postgresUser(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL runs as root nowhere, and there is no user for it: run .ci/setup postgres (%v)", err)
	}
	id := func(text string) uint32 {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			t.Fatalf("the user postgres has the id %q: %v", text, err)
		}
		return uint32(n)
	}
	return &syscall.Credential{Uid: id(found.Uid), Gid: id(found.Gid)}
}
