package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// watched is a number that costs too much to be asked for with every client. It is looked at
// by whoever finds it too old, while others take what was seen before.
type watched struct {
	look  func() int64
	every time.Duration

	looking sync.Mutex
	looked  time.Time
	seen    atomic.Int64
}

func (w *watched) value() int64 {
	if w.looking.TryLock() {
		if w.looked.IsZero() || time.Since(w.looked) >= w.every {
			w.seen.Store(w.look())
			w.looked = time.Now()
		}
		w.looking.Unlock()
	}
	return w.seen.Load()
}
