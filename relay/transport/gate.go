package transport

import "sync/atomic"

// gate lets in only so many at a time.
type gate struct{ inside atomic.Int64 }

// enter says whether there is room among most; who is let in must leave.
func (g *gate) enter(most int64) bool {
	if g.inside.Add(1) <= most {
		return true
	}
	g.inside.Add(-1)
	return false
}

func (g *gate) leave() { g.inside.Add(-1) }
