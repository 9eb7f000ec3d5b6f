package server

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// Memory is what the process may have. The zero value knows no bound.
type Memory struct{ limit int64 }

// MemoryUsage is how much of it the process has now. Total is 0, and Percent too, where
// there is no bound.
type MemoryUsage struct {
	Free    int64   `json:"free"`
	Used    int64   `json:"used"`
	Total   int64   `json:"total"`
	Percent float64 `json:"percent"`
}

// ProcessMemory finds out what this process may have: the least of GOMEMLIMIT, the
// container's limit and the machine's memory. It reads files; call it once.
func ProcessMemory() Memory { return findMemory("/") }

// findMemory is ProcessMemory with another root of the file system.
func findMemory(root string) Memory {
	limit := debug.SetMemoryLimit(-1)
	for _, file := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		limit = min(limit, readLimit(root+file))
	}
	limit = min(limit, machineMemory(root+"proc/meminfo"))
	if limit == math.MaxInt64 {
		return Memory{}
	}
	return Memory{limit}
}

// readLimit reads a number of bytes; a file that is missing or holds none sets no limit.
func readLimit(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt64
	}
	return n
}

// machineMemory reads MemTotal, which Linux tells in KiB.
func machineMemory(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return math.MaxInt64
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "MemTotal:" {
			continue
		}
		if n, err := strconv.ParseInt(words[1], 10, 64); err == nil && n > 0 && n < math.MaxInt64>>10 {
			return n << 10
		}
	}
	return math.MaxInt64
}

// Usage measures. What the process has is what counts against GOMEMLIMIT.
func (m Memory) Usage() MemoryUsage {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	used := int64(min(samples[0].Value.Uint64()-samples[1].Value.Uint64(), math.MaxInt64))
	if m.limit == 0 {
		return MemoryUsage{Used: used}
	}
	return MemoryUsage{
		Free: max(0, m.limit-used), Used: used, Total: m.limit, Percent: 100 * float64(used) / float64(m.limit),
	}
}
