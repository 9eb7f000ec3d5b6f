package mask

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// BenchmarkRealLogs masks logs of real builds, in writes of 4 KiB as a pipe gives them.
func BenchmarkRealLogs(b *testing.B) {
	var logs [][]byte
	size := 0
	for _, name := range relaytest.RealLogs(b) {
		log, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		logs, size = append(logs, log), size+len(log)
		b.Run("500/"+filepath.Base(name), func(b *testing.B) { maskAll(b, mustSet(b, Shapes(), fakeValues(500)...), log) })
	}
	for _, n := range []int{0, 1, 20, 500, 2000} {
		b.Run(fmt.Sprintf("%d/all", n), func(b *testing.B) { maskAll(b, mustSet(b, Shapes(), fakeValues(n)...), logs...) })
	}
	// The worst are values that begin as ordinary output does.
	values := fakeValues(500)
	for i := range values {
		values[i] = []string{"https://", "Download", "test_", "INFO: ", "2026-"}[i%5] + values[i]
	}
	b.Run("500/all, usual beginnings", func(b *testing.B) { maskAll(b, mustSet(b, Shapes(), values...), logs...) })
}

func maskAll(b *testing.B, s *Set, logs ...[]byte) {
	b.Helper()
	size := 0
	for _, log := range logs {
		size += len(log)
	}
	b.SetBytes(int64(size))
	before := cpuTime(b)
	for b.Loop() {
		for _, log := range logs {
			m := s.New()
			for from := 0; from < len(log); from += 4 << 10 {
				m.Write(log[from:min(from+4<<10, len(log))])
			}
			m.Flush()
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpuTime(b)-before).Seconds(), "MB/cpu-s")
	b.ReportMetric(float64(len(s.values.nodes)), "states")
}

// cpuTime is what this process has taken of the processors: it holds on a busy machine.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFind looks through an event of 200 bytes behind another one.
func BenchmarkFind(b *testing.B) {
	text := strings.Repeat("\x1b[32m+\x1b[0m go test ./relay/mask -run Find\n", 5)[:200]
	for _, n := range []int{0, 20, 500} {
		s := mustSet(b, Shapes(), fakeValues(n)...)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Find(text, text)
			}
		})
	}
}

// BenchmarkNewSet compiles values of 8 to 48 bytes.
func BenchmarkNewSet(b *testing.B) {
	for _, n := range []int{1, 20, 500, 2000} {
		values := fakeValues(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NewSet(values, Shapes())
			}
		})
	}
}

// fakeValues are values as services make them: letters and digits, some with a prefix
// or punctuation.
func fakeValues(n int) []string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	state := uint32(1)
	next := func(below int) int {
		state = state*1664525 + 1013904223
		return int(state>>8) % below
	}
	var values []string
	for len(values) < n {
		v := []string{"", "", "sk-", "p@ss/", "tok_"}[next(5)]
		for range 8 + next(40) {
			v += string(letters[next(len(letters))])
		}
		values = append(values, v)
	}
	return values
}
