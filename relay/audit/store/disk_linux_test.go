package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"buildrelay/relay/relaytest"
)

func TestAFullDiskTearsNothing(t *testing.T) {
	t.Parallel()
	dir := relaytest.Disk(t, "1m")
	ballast := filepath.Join(dir, "ballast") // something else that uses the disk
	if err := os.WriteFile(ballast, make([]byte, 500_000), 0o600); err != nil {
		t.Fatal(err)
	}
	newWorld(t, filepath.Join(dir, "audit.db")).fillUp(func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAReadOnlyDiskIsWrittenToOnceItMayBe(t *testing.T) {
	t.Parallel()
	dir := relaytest.Disk(t, "4m")
	w := newWorld(t, filepath.Join(dir, "audit.db"))
	w.append("node", entries("node", 0, 3)...)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	relaytest.RemountDisk(t, dir, "ro")
	w.DB = w.open()
	for range 2 {
		if head, err := w.Append(t.Context(), "node", entries("node", 3, 3)); err == nil {
			t.Fatalf("appended %d to a disk that is read-only", head.Seq)
		}
	}
	relaytest.RemountDisk(t, dir, "rw")
	w.append("node", entries("node", 3, 3)...)
	w.sound("node", 6)
}
