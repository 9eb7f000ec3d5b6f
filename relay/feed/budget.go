package feed

import "sync/atomic"

// Budget counts the memory of all feeds of a node. A nil budget counts nothing.
type Budget struct{ used atomic.Int64 }

// Used is the memory that the feeds hold together, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) add(n int) {
	if b != nil && n != 0 {
		b.used.Add(int64(n))
	}
}
