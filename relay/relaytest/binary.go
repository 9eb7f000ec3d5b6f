package relaytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// QuickExit belongs into the environment of a binary that Build has built: with
// the race detector it would otherwise sleep for a second before it ends.
const QuickExit = "GORACE=atexit_sleep_ms=20"

// FaultyTag is the build tag of a binary that has switches which break it, for tests
// of the tests.
const FaultyTag = "relayfaults"

// The binary is built once a test process. A variable of the package is the only
// thing that all tests of a process share.
//
//nolint:gochecknoglobals // set once and never changed; see above
var (
	built       = sync.OnceValues(func() (string, error) { return build("", "") })
	builtFaulty = sync.OnceValues(func() (string, error) { return build(FaultyTag, FaultyTag) })
)

// Build returns the path of the real binary, built from the tree as it is, with
// the race detector if the test has it.
func Build(t testing.TB) string {
	t.Helper()
	return pathOf(t, built)
}

// BuildFaulty is Build with [FaultyTag].
func BuildFaulty(t testing.TB) string {
	t.Helper()
	return pathOf(t, builtFaulty)
}

func pathOf(t testing.TB, built func() (string, error)) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build builds the binary with a tag, if there is one, and other flags. name tells it from
// others.
func build(tag, name string, flags ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, "bin", "test"+raceFlag+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("building buildrelay: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return "", fmt.Errorf("building buildrelay: %w", err)
	}
	defer unlock()
	path := filepath.Join(dir, "buildrelay")
	args := append([]string{"build", raceFlag, "-tags=" + tag, "-o", path}, flags...)
	build := exec.Command("go", append(args, "./cmd/buildrelay")...)
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building buildrelay: %w\n%s", err, output)
	}
	return path, nil
}

// lock keeps other test processes, which go test runs beside this one, from
// building to the same file at the same time.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}
