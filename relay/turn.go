package relay

import (
	"buildrelay/protocol"
	"buildrelay/relay/feed"
)

// maxTurn is the most that a connection is given in one write, in bytes, but for
// a single larger frame.
const maxTurn = 64 << 10

// turn writes to the connection what is due for it, in one write.
func (w *worker) turn(c *Conn) {
	if c.parted {
		w.abandon(c)
		return
	}
	if c.busy {
		w.fallBehind(c)
		return
	}
	out, frames, ending := c.takeReplies(w.out[:0])
	if !ending {
		var more int
		out, more = w.gather(c, out)
		frames += more
	}
	if len(out) > 0 {
		w.send(c, out, frames)
	}
	w.settleAll()
	w.fallBehind(c)
	switch {
	case c.busy:
	case ending:
		c.parted = true
		c.transport.Drop()
	case len(c.due) > 0:
		w.enqueue(c)
	case c.dismissed:
		c.farewell()
	}
}

func (w *worker) send(c *Conn, p []byte, frames int) {
	w.metrics.Writes.Inc()
	w.metrics.Frames.Add(float64(frames))
	w.metrics.Bytes.Add(float64(len(p)))
	if c.trace != nil {
		c.trace.bytes += int64(len(p))
		c.trace.messages += int64(frames)
	}
	if !c.transport.Send(p) {
		w.metrics.Stalled.Inc()
		c.busy = true
	}
}

// gather puts together what the connection's feeds have for it, in turn, after
// what out holds. What lies together in one feed is not copied.
func (w *worker) gather(c *Conn, out []byte) (_ []byte, frames int) {
	i, borrowed := 0, false
	for ; i < len(c.due) && len(out) < maxTurn; i++ {
		s := c.due[i]
		if s.left.Load() || s.ended.Load() {
			s.due = false
			continue
		}
		run, n := w.read(s, maxTurn-len(out))
		frames += n
		switch {
		case len(out) == 0:
			out, borrowed = run, true
		case borrowed:
			out, borrowed = append(append(w.out[:0], out...), run...), false
		default:
			out = append(out, run...)
		}
	}
	if !borrowed {
		w.out = out
	}
	c.due = dropFirst(c.due, i)
	return out, frames
}

// read returns what the subscription has to send: its prelude, word of what it
// lost, and the feed's frames.
func (w *worker) read(s *subscription, limit int) (p []byte, frames int) {
	s.due = false
	if s.replay != nil {
		return w.readLog(s, limit)
	}
	run := s.channel.feed.Read(s.cursor, limit, s.conn.id)
	w.advance(s, run)
	if s.prelude == nil && run.Lost == 0 {
		return run.Bytes, run.Frames
	}
	return w.introduce(s, run)
}

// advance takes s behind a run of the feed.
func (w *worker) advance(s *subscription, run feed.Run) {
	s.cursor = run.Next
	if run.More {
		s.conn.setDue(s)
	} else {
		w.caughtUp(s)
	}
}

// introduce copies a run behind what comes before its first frame.
func (w *worker) introduce(s *subscription, run feed.Run) (p []byte, frames int) {
	if s.prelude != nil {
		p, s.prelude = s.prelude, nil
		frames++
	}
	if run.Lost > 0 {
		w.metrics.Lost.Add(float64(run.Lost))
		if t := s.conn.trace; t != nil {
			t.dropped += int64(run.Lost)
		}
		p = append(p, protocol.Lost(s.channel.key.name, int64(run.Lost))...)
		frames++
	}
	return append(p, run.Bytes...), frames + run.Frames
}

func (w *worker) caughtUp(s *subscription) {
	s.due = false
	if s.shard.catchUp(s) && s.shard.state != shardActive {
		w.settled = append(w.settled, s.shard)
	}
}

// settleAll settles the shards in which a reader caught up. It is called after
// the write, when no run is in use.
func (w *worker) settleAll() {
	for _, sh := range w.settled {
		sh.settle()
	}
	w.settled = w.settled[:0]
}

// fallBehind notes the readers of c that could not be brought up to date.
func (w *worker) fallBehind(c *Conn) {
	for _, s := range c.due {
		if !s.left.Load() {
			s.shard.lag(s)
		}
		if c.busy && s.replay != nil {
			s.replay.page = nil // it is found again, or read again
		}
	}
}

// abandon forgets what is due for a connection that takes nothing more, so that
// its feeds need not keep it.
func (w *worker) abandon(c *Conn) {
	for _, s := range c.due {
		s.cursor = s.channel.feed.End()
		w.caughtUp(s)
	}
	c.due = c.due[:0]
	w.settleAll()
}
