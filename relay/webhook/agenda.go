package webhook

import (
	"container/heap"
	"slices"
	"time"
)

// agenda are the events that may not be told yet; the next one comes first, as
// [heap.Interface] has it.
type agenda []*event

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return compareEvents(a[i], a[j]) < 0 }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push is for package heap.
func (a *agenda) Push(x any) { *a = append(*a, x.(*event)) }

// Pop is for package heap.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = slices.Delete(*a, len(*a)-1, len(*a))
	return last
}

// take takes, in order, what is due, and at most so many events.
func (a *agenda) take(now time.Time, most int) (due []*event) {
	for len(*a) > 0 && len(due) < most && !(*a)[0].Due.After(now) {
		due = append(due, heap.Pop(a).(*event))
	}
	return due
}

// remove removes what drop wants to go, and returns it.
func (a *agenda) remove(drop func(*event) bool) (removed []*event) {
	*a, removed = split(*a, drop)
	heap.Init(a)
	return removed
}
