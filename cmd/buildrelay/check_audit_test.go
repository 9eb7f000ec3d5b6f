package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"buildrelay/relay/checkup"
	"buildrelay/relay/relaytest"
)

// otherData returns a copy of a data folder in a folder, and has a check look there.
func otherData(t *testing.T, data, to string) map[string]string {
	t.Helper()
	if err := os.CopyFS(filepath.Join(to, "data"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(to, "data")
	for _, file := range []string{"audit.key", "audit.db"} {
		if err := os.Chmod(filepath.Join(folder, file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"RELAY_DATA_DIR": folder}
}

// stopFirst stops the first node, so that nothing changes in its data folder. Before, some records
// are in its trail.
func (w wellMade) stopFirst(t *testing.T) {
	t.Helper()
	audited{w.nodes[0], w.redis.Redis, w.env["RELAY_DATA_DIR"]}.await(t, "relay.server.start", nil)
	w.nodes[0].Stop()
}

func TestWhatIsWrongWithTheAuditTrailIsToldByName(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	w.stopFirst(t)
	for name, c := range map[string]struct {
		spoil func(folder string) error
		want  map[string]checkup.Grade
	}{
		"nothing": {func(string) error { return nil }, map[string]checkup.Grade{}},
		"a record was edited": {func(folder string) error {
			relaytest.ExecSQLite(t, filepath.Join(folder, "audit.db"), "UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 1) WHERE seq = 2")
			return nil
		}, fails("audit.chain")},
		"its end was removed": {func(folder string) error {
			relaytest.ExecSQLite(t, filepath.Join(folder, "audit.db"), "DELETE FROM audit_records WHERE seq > 1")
			return nil
		}, fails("audit.chain")},
		"another key": {func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "audit.key"), make([]byte, 64), 0o600)
		}, fails("audit")},
		"a key that others may read": {func(folder string) error { return os.Chmod(filepath.Join(folder, "audit.key"), 0o644) }, fails("audit")},
		"no database":                {func(folder string) error { return os.Remove(filepath.Join(folder, "audit.db")) }, fails("audit")},
		"records that wait": {func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "audit.spool"), []byte("records\n"), 0o600)
		}, fails("audit.spool")},
	} {
		change := otherData(t, w.env["RELAY_DATA_DIR"], t.TempDir())
		if err := c.spoil(change["RELAY_DATA_DIR"]); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.expect(t, change, c.want, "--url", w.nodes[1].URL())
		})
	}
}

func TestADiskThatIsNearlyFullIsTold(t *testing.T) {
	t.Parallel()
	w := newWellMade(t, nil)
	w.stopFirst(t)
	disk := relaytest.Disk(t, "20m")
	change := otherData(t, w.env["RELAY_DATA_DIR"], disk)
	w.expect(t, change, map[string]checkup.Grade{}, "--url", w.nodes[1].URL())
	if err := os.WriteFile(filepath.Join(disk, "ballast"), make([]byte, 18<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	w.expect(t, change, fails("audit.disk"), "--url", w.nodes[1].URL())
}
