package relaytest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// moduleRoot is the folder of go.mod; go test runs each test in its package's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the module: no go.mod above the working directory")
		}
		dir = parent
	}
}

// RealLogs returns the files with logs of real builds, where they are at hand beside
// the module, and skips the test elsewhere.
func RealLogs(t testing.TB) []string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(root, "../shared/logs/*.*[gw]"))
	if err != nil {
		t.Fatal(err)
	}
	if len(logs) == 0 {
		t.Skip("no logs at hand")
	}
	return logs
}
