package mask

// gramSize is how many bytes a beginning of patterns takes beside its nodes, at most: entries for
// its four bytes, and for one to three of them, and its share of the filter.
const gramSize = 4*entrySize + 8

// Cost is how many bytes of memory a value takes in a [Set], at most, beside what a set takes
// without any: all its forms together. It is much cheaper than to compile it.
func Cost(value string) int {
	if refusal(value) != "" {
		return 0
	}
	return cost(distinct(patternsOf(value)))
}

// cost is that of patterns that come sorted, each once.
func cost(patterns []string) int {
	nodes, grams := size(patterns)
	return nodes*nodeSize + grams*gramSize
}

// size is how many nodes an automaton has for patterns that come sorted, and how many of them are
// of depth four.
func size(patterns []string) (nodes, grams int) {
	last := ""
	for _, p := range patterns {
		same := max(common(last, p), gram-1)
		nodes += len(p) - same
		if same < gram && len(p) > same {
			grams++
		}
		last = p
	}
	return nodes, grams
}
