package relaytest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// clockVariable names the file that says how far a process' clock is off.
const clockVariable = "BUILDRELAY_TEST_CLOCK"

// Clock is how far the time of day of a process is off, such as on a machine whose clock
// was never set. The clock that only ever goes on, which the kernel has beside it, is not.
type Clock struct {
	t    testing.TB
	path string
}

// NewClock returns a clock that is right.
func NewClock(t testing.TB) *Clock {
	t.Helper()
	c := &Clock{t, filepath.Join(t.TempDir(), "clock")}
	if err := os.WriteFile(c.path, make([]byte, 8), 0o600); err != nil {
		t.Fatalf("making a clock: %v", err)
	}
	return c
}

// Step sets it off from now on, in the middle of whatever the process does.
func (c *Clock) Step(off time.Duration) {
	c.t.Helper()
	file, err := os.OpenFile(c.path, os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(off)), 0)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		c.t.Fatalf("setting a clock: %v", err)
	}
}

// NeedsClock skips a test where there is no time to build one: all of Go's library has to
// be built for it.
func NeedsClock(t testing.TB) {
	t.Helper()
	if !Full() {
		t.Skip("builds all of Go's library anew: RELAY_TEST_FULL=1 runs it")
	}
}

// RestartWithClock is [Relay.Restart] with the time of day of a clock, and for that by a
// binary of [BuildClocked].
func (r *Relay) RestartWithClock(c *Clock) {
	r.t.Helper()
	r.binary, r.env[clockVariable] = BuildClocked(r.t), c.path
	r.Restart()
}

// builtClocked is as those of [Build].
//
//nolint:gochecknoglobals // set once and never changed
var builtClocked = sync.OnceValues(buildClocked)

// BuildClocked is [Build] with another time.Now. A Go program asks the kernel for the time
// without a C library in between, so that none could be put in front of it.
func BuildClocked(t testing.TB) string {
	t.Helper()
	return pathOf(t, builtClocked)
}

func buildClocked() (string, error) {
	dir, err := os.MkdirTemp("", "buildrelay-clock")
	if err != nil {
		return "", fmt.Errorf("building a clock: %w", err)
	}
	defer os.RemoveAll(dir)
	overlay, err := clockOverlay(dir)
	if err != nil {
		return "", fmt.Errorf("building a clock: %w", err)
	}
	return build("", "clock", "-overlay="+overlay)
}

// clockOverlay writes what takes the place of files of Go's own package time.
func clockOverlay(dir string) (path string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("finding Go: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", fmt.Errorf("reading Go's clock: %w", err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), now) != 1 {
		return "", fmt.Errorf("%s is not as it was: look how it tells the time", original)
	}
	replace := make(map[string]string)
	for to, content := range map[string]string{
		original: strings.Replace(string(source), now, "func Now() Time {\n\tsec, nsec, mono := clockNow()\n", 1),
		filepath.Join(filepath.Dir(original), "clock.go"): clockSource,
	} {
		replace[to] = filepath.Join(dir, filepath.Base(to))
		if err := os.WriteFile(replace[to], []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

// clockSource is the clock, for package time. It looks into the file's page each time, which
// costs no call.
const clockSource = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var clockOff = mapClock()

func mapClock() *int64 {
	path, ok := syscall.Getenv("` + clockVariable + `")
	if !ok {
		return new(int64)
	}
	file, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("the clock's file: " + err.Error())
	}
	page, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("the clock's file: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&page[0]))
}

func clockNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	t := sec*1e9 + int64(nsec) + atomic.LoadInt64(clockOff)
	return t / 1e9, int32(t % 1e9), mono
}
`
