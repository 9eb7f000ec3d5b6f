package relay_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// journal is what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// take returns what happened since the last call, sorted by who it happened to:
// what one client sees is ordered, what two see is not.
func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	who := regexp.MustCompile(`^[^:]*`)
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(who.FindString(a), who.FindString(b))
	})
	return count(lines)
}

// count joins lines that say the same, in one write or in several.
func count(lines []string) []string {
	var out []string
	same := func(a, b string) bool { return strings.Replace(a, ":+", ":", 1) == strings.Replace(b, ":+", ":", 1) }
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && same(lines[0], lines[n]) {
			n++
		}
		line := lines[0]
		if n > 1 {
			line = fmt.Sprintf("%s ×%d", line, n)
		}
		out, lines = append(out, line), lines[n:]
	}
	return out
}
