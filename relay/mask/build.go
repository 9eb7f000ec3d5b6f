package mask

// builder makes an automaton of patterns that come sorted, each once.
type builder struct {
	*automaton
	parents, tails []uint32 // of each node: its parent, and the last four bytes on the way to it
	path           []uint32 // the nodes of the last pattern, from depth four
	last           string
}

// add appends the nodes of a pattern that the one before it does not have.
func (b *builder) add(p string) {
	from := max(common(b.last, p), gram-1)
	for depth := from + 1; depth <= len(p); depth++ {
		b.grow(p, depth)
	}
	b.path, b.last = b.path[:len(p)-gram+1], p
	top := &b.nodes[b.path[len(p)-gram]]
	top.hit = top.depth
}

// grow appends the node that stands for the first depth bytes of p.
func (b *builder) grow(p string, depth int) {
	n := uint32(len(b.nodes))
	at := depth - gram
	var parent uint32
	switch {
	case at == 0:
		b.grams[gramOf(p[:gram])] = n
	case b.nodes[b.path[at-1]].child:
		parent = b.path[at-1]
		b.nodes[b.path[at]].sibling = n
	default:
		parent = b.path[at-1]
		b.nodes[parent].child = true
	}
	b.nodes = append(b.nodes, node{depth: uint32(depth), label: p[depth-1]})
	b.parents = append(b.parents, parent)
	b.tails = append(b.tails, gramOf(p[depth-gram:depth]))
	b.path = append(b.path[:at], n)
}

// link sets fail and hit of all nodes, the less deep first.
func (b *builder) link() {
	for _, n := range b.byDepth() {
		at := &b.nodes[n]
		if at.depth == gram {
			continue // its other ends are too short for a state
		}
		at.fail = b.next(b.nodes[b.parents[n]].fail, at.label, uint64(b.tails[n]), true)
		if at.hit == 0 {
			at.hit = b.nodes[at.fail].hit
		}
	}
}

// byDepth lists the nodes.
func (b *builder) byDepth() []uint32 {
	var starts []int
	for _, n := range b.nodes[1:] {
		for int(n.depth)+1 >= len(starts) {
			starts = append(starts, 0)
		}
		starts[n.depth+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	order := make([]uint32, len(b.nodes)-1)
	for i, n := range b.nodes[1:] {
		order[starts[n.depth]] = uint32(i + 1)
		starts[n.depth]++
	}
	return order
}

// common is how many bytes two texts begin with in common.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
