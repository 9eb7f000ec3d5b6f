package relaytest

import (
	"context"
	"errors"
	"slices"
	"sync"
)

var errEnded = errors.New("nothing more will come")

// journal is what happened, in order, with readers that wait for what has not
// happened yet. It is safe for concurrent use.
type journal[T any] struct {
	mu      sync.Mutex
	items   []T
	ended   bool
	changed chan struct{} // closed, and replaced, at every change
}

func newJournal[T any]() *journal[T] {
	return &journal[T]{changed: make(chan struct{})}
}

func (j *journal[T]) add(item T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.items = append(j.items, item)
	j.wake()
}

// end says that nothing more will come. It may be called twice.
func (j *journal[T]) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	j.wake()
}

func (j *journal[T]) wake() {
	close(j.changed)
	j.changed = make(chan struct{})
}

// all is everything so far.
func (j *journal[T]) all() []T {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.items)
}

// find waits for the first item, from index on, that matches, and returns it with
// its index. The error is ctx's, or errEnded.
func (j *journal[T]) find(ctx context.Context, index int, match func(T) bool) (T, int, error) {
	for {
		items, ended, changed := j.since(index)
		for i, item := range items {
			if match(item) {
				return item, index + i, nil
			}
		}
		index += len(items)
		var none T
		if ended {
			return none, index, errEnded
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return none, index, ctx.Err()
		}
	}
}

// since does not copy: what has been added is never changed.
func (j *journal[T]) since(index int) (items []T, ended bool, changed <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clip(j.items[min(index, len(j.items)):]), j.ended, j.changed
}
