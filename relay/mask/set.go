package mask

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
)

// Shortest is how many bytes a text has at least that has a hit.
const Shortest = 6

// The lengths of values, in bytes without line ends.
const (
	minLength = Shortest
	maxLength = 16 << 10
)

// Set is what to look for. It does not change and is safe for concurrent use; any
// number of maskers may share it. All values are one automaton: what a byte of output
// costs does not depend on how many there are.
type Set struct {
	values   *automaton
	triggers map[uint32][]rule // by the last four bytes of their prefix
	begun    map[string]bool   // what prefixes begin with, not all of one
	finders  sync.Pool         // of *Masker, for Find
}

// Refused says why a value is not masked, without the value.
type Refused struct {
	Index  int // in the values that were given
	Reason string
}

// NewSet returns a set of values, in all the forms of docs/OPERATIONS.md, and of
// shapes; [Shapes] are all there are, nil is none. Values that would be found in
// any output are refused, and the others are masked nonetheless.
func NewSet(values []string, shapes []Kind) (*Set, []Refused) {
	patterns, _ := allPatterns(values, math.MaxInt)
	return newSet(patterns, shapes), Refuse(values)
}

// NewSetWithin returns a set of as many of the values, from the first on, as [Cost] no more than
// most bytes together. fit is how many these are, with those that [NewSet] would refuse.
func NewSetWithin(values []string, most int) (s *Set, fit int) {
	patterns, fit := allPatterns(values, most)
	return newSet(patterns, nil), fit
}

// allPatterns returns the forms of as many of the values, from the first on, as cost no more than
// most, and how many these are. Those that are refused have none.
func allPatterns(values []string, most int) (patterns []string, fit int) {
	for i, v := range values {
		if refusal(v) != "" {
			continue
		}
		more := distinct(patternsOf(v))
		if most -= cost(more); most < 0 {
			return patterns, i
		}
		patterns = append(patterns, more...)
	}
	return patterns, len(values)
}

// newSet compiles patterns.
func newSet(patterns []string, shapes []Kind) *Set {
	s := &Set{triggers: make(map[uint32][]rule), begun: make(map[string]bool)}
	for _, r := range rules() {
		if slices.Contains(shapes, r.kind) {
			g := gramOf(r.prefix[len(r.prefix)-gram:])
			s.triggers[g] = append(s.triggers[g], r)
			for n := 1; n < len(r.prefix); n++ {
				s.begun[r.prefix[:n]] = true
			}
		}
	}
	var extra []uint32
	for g := range s.triggers {
		extra = append(extra, g)
	}
	s.values = newAutomaton(patterns, extra)
	return s
}

// Refuse says which values [NewSet] would refuse, in their order.
func Refuse(values []string) (refused []Refused) {
	for i, v := range values {
		if reason := refusal(v); reason != "" {
			refused = append(refused, Refused{i, reason})
		}
	}
	return refused
}

// Size is how many bytes of memory a set takes, about.
func (s *Set) Size() int { return s.values.size() }

// Mask masks a text that is whole.
func (s *Set) Mask(text string) string {
	m := s.New()
	shown := string(m.Write([]byte(text)))
	return shown + string(m.Flush())
}

// refusal says why a value cannot be masked, "" if it can.
func refusal(v string) string {
	switch n := len(joined(strings.TrimSpace(v))); {
	case n < minLength:
		return fmt.Sprintf("shorter than %d bytes, so other text has it, too", minLength)
	case n > maxLength:
		return fmt.Sprintf("longer than %d bytes", maxLength)
	case strings.Contains(v, "\x00"):
		return "has a byte that is zero"
	default:
		return ordinary(v)
	}
}

// patternsOf returns the forms of a value, and of each line of it that could stand
// for itself.
func patternsOf(v string) []string {
	v = strings.TrimSpace(v)
	patterns := forms(v)
	lines := strings.FieldsFunc(v, isLineEnd)
	if len(lines) < 2 {
		return patterns
	}
	patterns = append(patterns, strings.Join(lines, " ")) // echo $VALUE, without quotes
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if refusal(line) == "" && !strings.HasPrefix(line, "-----") { // BEGIN and END are no secret
			patterns = append(patterns, forms(line)...)
		}
	}
	return patterns
}

func isLineEnd(r rune) bool { return r == '\n' || r == '\r' }

// joined is text as both views have it: without line ends.
func joined(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return lineEnds.Replace(s)
}
