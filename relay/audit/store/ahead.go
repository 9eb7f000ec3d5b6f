package store

import "math"

// ahead reads what is ordered by number, many at a time.
type ahead[T any] struct {
	seq  func(T) int64
	read func(from int64) ([]T, error)

	items []T
	from  int64
	ended bool
}

// newAhead begins at a number; for all at the least there is, not at 1: who inserts chooses the number.
func newAhead[T any](seq func(T) int64, from int64, read func(from int64) ([]T, error)) *ahead[T] {
	return &ahead[T]{seq: seq, read: read, from: from}
}

// peek is the next one, nil at the end.
func (a *ahead[T]) peek() (*T, error) {
	if len(a.items) == 0 && !a.ended {
		items, err := a.read(a.from)
		if err != nil {
			return nil, err
		}
		a.items = items
		if len(items) < verifyAtOnce || a.seq(items[len(items)-1]) == math.MaxInt64 {
			a.ended = true
		} else {
			a.from = a.seq(items[len(items)-1]) + 1
		}
	}
	if len(a.items) == 0 {
		return nil, nil //nolint:nilnil // as said
	}
	return &a.items[0], nil
}

func (a *ahead[T]) next() { a.items = a.items[1:] }
