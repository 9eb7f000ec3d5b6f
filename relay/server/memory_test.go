package server_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"buildrelay/relay/server"
)

func TestTheLeastBoundOfMemoryCounts(t *testing.T) {
	const max2, limit1, machine = "sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes", "proc/meminfo"
	const meminfo = "MemFree: 1 kB\nMemTotal:        2048 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"the container's":         {map[string]string{max2: "1048576\n", machine: meminfo}, 1 << 20},
		"the container's, once":   {map[string]string{limit1: "4096\n", machine: meminfo}, 4096},
		"the machine's":           {map[string]string{max2: "max\n", machine: meminfo}, 2 << 20},
		"what is more than there": {map[string]string{limit1: "9223372036854771712\n", machine: meminfo}, 2 << 20},
	} {
		root := t.TempDir() + "/"
		for file, text := range test.files {
			if err := os.MkdirAll(filepath.Dir(root+file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(root+file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := server.FindMemory(root).Usage().Total; got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// Garbage is no lack of memory; what is in use is. The sum is found again where it went.
func TestLowIsWhatIsNeeded(t *testing.T) {
	const much = 64 << 20
	memory := server.MemoryOf(2 * much)
	if memory.Low(50) {
		t.Skip("the test itself needs a lot")
	}
	kept := make([]byte, much)
	runtime.GC()
	if !memory.Low(50) {
		t.Error("what is needed does not count")
	}
	if memory.Low(0) || server.MemoryOf(0).Low(1) {
		t.Error("what has no bound, or does not matter, is low")
	}
	runtime.KeepAlive(kept)
	if server.MemoryOf(2 * much).Low(50) { // another one has collected nothing yet
		t.Error("garbage counts")
	}
}
