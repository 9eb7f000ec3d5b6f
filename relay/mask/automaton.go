package mask

import "slices"

// gram is how many bytes the automaton takes for its first step.
const gram = 4

// automaton is that of Aho and Corasick: its state is the longest end of what was
// read that some pattern begins with. Of ordinary text that is next to nothing, and so
// the first four levels, where a table for all patterns would not fit a processor's
// cache, are a filter over the last four bytes: one bit for each of their hashes. States
// are what is deeper. Patterns are at least four bytes long and have no zero byte.
type automaton struct {
	nodes  []node            // in the order of the sorted patterns; 0 is no state
	grams  map[uint32]uint32 // the states of depth four
	shorts map[uint32]bool   // what patterns begin with, of one to three bytes, as shortOf has it
	bits   []uint64
	shift  uint8
}

// node is a state. Its first child is the next node.
type node struct {
	depth   uint32
	hit     uint32 // length of the longest pattern that ends here, 0 if none does
	fail    uint32 // the state of the longest other end of what was read
	sibling uint32 // the parent's next child
	label   byte
	child   bool // it has one
}

// newAutomaton compiles patterns. extra are grams that the filter lets through, too.
func newAutomaton(patterns []string, extra []uint32) *automaton {
	patterns = distinct(slices.Clone(patterns))
	nodes, grams := size(patterns)
	a := &automaton{nodes: make([]node, 1, nodes+1), grams: make(map[uint32]uint32, grams), shorts: make(map[uint32]bool)}
	b := builder{automaton: a, parents: make([]uint32, 1, nodes+1), tails: make([]uint32, 1, nodes+1)}
	for _, p := range patterns {
		b.add(p)
		for n := 1; n < gram; n++ {
			a.shorts[shortOf(gramOf(p[:n]), n)] = true
		}
	}
	b.link()
	a.filter(extra)
	return a
}

// filter sets the bits, at least 32 for each gram.
func (a *automaton) filter(extra []uint32) {
	size := 13
	for size < 22 && 1<<size < 32*(len(a.grams)+len(extra)) {
		size++
	}
	a.bits, a.shift = make([]uint64, 1<<(size-6)), uint8(32-size)
	for g := range a.grams {
		a.pass(g)
	}
	for _, g := range extra {
		a.pass(g)
	}
}

func (a *automaton) pass(g uint32) {
	h := hash(g, a.shift)
	a.bits[h>>6] |= 1 << (h & 63)
}

// maybe reports false if no pattern begins with these four bytes.
func (a *automaton) maybe(window uint64) bool {
	h := hash(uint32(window), a.shift)
	return a.bits[h>>6]>>(h&63)&1 != 0
}

func hash(g uint32, shift uint8) uint32 { return g * 0x9e3779b1 >> shift }

// skim passes over text that begins no pattern. It returns the window behind it and
// how many bytes that are: up to a control character, or one that ends a known gram.
func (a *automaton) skim(window uint64, p []byte) (uint64, int) {
	bits, shift := a.bits, a.shift
	for i, c := range p {
		if c < ' ' && c != '\t' {
			return window, i
		}
		next := window<<8 | uint64(c)
		h := hash(uint32(next), shift)
		if bits[int(h>>6)&(len(bits)-1)]>>(h&63)&1 != 0 {
			return window, i
		}
		window = next
	}
	return window, len(p)
}

// next returns the state after c, the last byte of window. known is maybe(window).
func (a *automaton) next(state uint32, c byte, window uint64, known bool) uint32 {
	for ; state != 0; state = a.nodes[state].fail {
		if to := a.child(state, c); to != 0 {
			return to
		}
	}
	if !known {
		return 0
	}
	return a.grams[uint32(window)]
}

func (a *automaton) child(state uint32, c byte) uint32 {
	if !a.nodes[state].child {
		return 0
	}
	for to := state + 1; to != 0; to = a.nodes[to].sibling {
		if a.nodes[to].label == c {
			return to
		}
	}
	return 0
}

// depth is how many of the last bytes may begin a pattern that is longer.
func (a *automaton) depth(state uint32, window uint64) int {
	for state != 0 && !a.nodes[state].child {
		state = a.nodes[state].fail
	}
	if state != 0 {
		return int(a.nodes[state].depth)
	}
	for n := gram - 1; n > 0; n-- {
		if a.shorts[shortOf(uint32(window), n)] {
			return n
		}
	}
	return 0
}

// begun reports whether a pattern begins with the last three bytes.
func (a *automaton) begun(window uint64) bool {
	return a.shorts[shortOf(uint32(window), gram-1)]
}

// What memory a node takes, and an entry of the maps with what they leave free, in bytes.
const (
	nodeSize  = 20
	entrySize = 20
)

// size is how many bytes of memory it takes, about.
func (a *automaton) size() int {
	return nodeSize*cap(a.nodes) + entrySize*(len(a.grams)+len(a.shorts)) + 8*len(a.bits)
}

// gramOf is the last four bytes of s as a window has them.
func gramOf(s string) (g uint32) {
	for i := range len(s) {
		g = g<<8 | uint32(s[i])
	}
	return g
}

// shortOf is the last n bytes of a gram, fewer than four, and n.
func shortOf(g uint32, n int) uint32 { return g&(1<<(8*n)-1) | uint32(n)<<24 }
