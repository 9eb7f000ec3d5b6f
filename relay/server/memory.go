package server

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Memory is what the process may have. A nil Memory, as the zero value, knows no bound.
type Memory struct {
	limit int64

	mu        sync.Mutex
	collected time.Time
}

// MemoryUsage is how much of it the process has now. Total is 0, and Percent too, where
// there is no bound.
type MemoryUsage struct {
	Free    int64   `json:"free"`
	Used    int64   `json:"used"`
	Total   int64   `json:"total"`
	Percent float64 `json:"percent"`
}

// ProcessMemory finds out what this process may have: what the container has, or the machine
// or, where GOMEMLIMIT is set and less, that. Where it is not set, garbage is collected from
// now on so that the process stays within nine tenths of the rest. It reads files; call it
// once.
func ProcessMemory(limitSet bool) *Memory {
	m := findMemory("/", limitSet)
	if !limitSet && m.limit > 0 {
		debug.SetMemoryLimit(m.limit / 10 * 9)
	}
	return m
}

// findMemory is ProcessMemory with another root of the file system, and changes nothing.
func findMemory(root string, limitSet bool) *Memory {
	limit := int64(math.MaxInt64)
	if limitSet {
		limit = debug.SetMemoryLimit(-1)
	}
	for _, file := range []string{"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		limit = min(limit, readLimit(root+file))
	}
	limit = min(limit, machineMemory(root+"proc/meminfo"))
	if limit == math.MaxInt64 {
		return &Memory{}
	}
	return &Memory{limit: limit}
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
func (m *Memory) Usage() MemoryUsage {
	used, _ := measureMemory()
	if m == nil || m.limit == 0 {
		return MemoryUsage{Used: used}
	}
	return MemoryUsage{
		Free: max(0, m.limit-used), Used: used, Total: m.limit, Percent: 100 * float64(used) / float64(m.limit),
	}
}

// collectEvery is the least time between two collections for the sake of [Memory.Low].
const collectEvery = 5 * time.Second

// Low says whether the process needs more than percent of its memory; 0 percent means that
// memory does not matter. Garbage does not count, since it is collected before it is too much;
// so that what clients left behind becomes garbage in time it is collected here, too, where
// there seems to be too little.
func (m *Memory) Low(percent int) bool {
	if m == nil || m.limit == 0 || percent <= 0 {
		return false
	}
	most := int64(float64(m.limit) / 100 * float64(percent))
	if _, needed := measureMemory(); needed <= most {
		return false
	}
	m.collect()
	_, needed := measureMemory()
	return needed > most
}

// collect collects garbage, unless that was done a moment ago.
func (m *Memory) collect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.collected.IsZero() || time.Since(m.collected) >= collectEvery {
		runtime.GC()
		m.collected = time.Now()
	}
}

// measureMemory returns how much memory the process has, and how much it would have without
// what it has in reserve and without what was not found alive when garbage was last collected.
func measureMemory() (used, needed int64) {
	names := [...]string{
		"/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes",
		"/memory/classes/heap/objects:bytes", "/gc/heap/live:bytes",
	}
	var samples [len(names)]metrics.Sample
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples[:])
	value := func(i int) int64 { return int64(min(samples[i].Value.Uint64(), math.MaxInt64)) }
	used = value(0) - value(1)
	return used, used - value(2) - max(0, value(3)-value(4))
}
