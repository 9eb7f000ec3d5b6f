package mask

import (
	"cmp"
	"slices"
	"strings"
)

// Counts are numbers of hits, by their [Kind].
type Counts [kinds]int

// Add adds other counts.
func (c *Counts) Add(more Counts) {
	for k := range more {
		c[k] += more[k]
	}
}

// Star returns a text with [Stars] in the place of its hits, and how many they are. There may
// be lists of several sets: where hits overlap or touch they are one, of the kind of the first.
func Star(text string, lists ...[]Hit) (starred string, counts Counts) {
	hits := Union(lists...)
	if len(hits) == 0 {
		return text, counts
	}
	var b strings.Builder
	at := 0
	for _, h := range hits {
		b.WriteString(text[at:h.From])
		b.WriteString(Stars)
		counts[h.Kind]++
		at = h.To
	}
	b.WriteString(text[at:])
	return b.String(), counts
}

// Union makes one of lists of hits, each as [Set.Find] returns it.
func Union(lists ...[]Hit) []Hit {
	var all []Hit
	for _, hits := range lists {
		if len(all) == 0 {
			all = hits
		} else if len(hits) > 0 {
			all = slices.Concat(all, hits)
		}
	}
	if !slices.IsSortedFunc(all, inOrder) {
		slices.SortStableFunc(all, inOrder)
	}
	var union []Hit
	for _, h := range all {
		if last := len(union) - 1; last >= 0 && union[last].To >= h.From {
			union[last].To = max(union[last].To, h.To)
		} else {
			union = append(union, h)
		}
	}
	return union
}

func inOrder(a, b Hit) int { return cmp.Compare(a.From, b.From) }
