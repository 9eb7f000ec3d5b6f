package inbox

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// firstCount is how many entries are taken at once at first, and mostCount at the most.
	// mostBytes is how large they are to be together, if they are as large as those before.
	firstCount = 8
	mostCount  = 100
	mostBytes  = 4 << 20
)

// pace is how much is taken at once.
type pace struct {
	most    int  // entries
	size    int  // of an entry of those that came last, in the mean
	failing bool // what came last could not be finished
}

// count is how many entries to take. While nothing can be finished it is one: that is enough
// to find out, and who can take more does.
func (p *pace) count() int {
	if p.failing {
		return 1
	}
	return max(min(p.most, mostBytes/max(p.size, 1)), 1)
}

// noteTaken notes whether entries could be taken. What did not come in time may have been too
// much.
func (p *pace) noteTaken(err error) {
	if err != nil {
		p.most = max(p.count()/2, 1)
	}
}

// noteDone notes what came of a batch.
func (p *pace) noteDone(b *batch, err error) {
	p.failing = err != nil
	p.size = b.bytes / len(b.ids)
	if err == nil {
		p.most = min(p.most*2, mostCount)
	}
}

// claim is how far it was looked for entries that nodes left lying.
type claim struct {
	from string    // "" before the first one
	next time.Time // when to look again from the beginning
}

// due says whether to look, and from where.
func (c *claim) due(now time.Time) bool {
	if c.from == "" {
		c.from = noMore
	}
	return c.from != noMore || !now.Before(c.next)
}

// note notes from where to go on. After the last one there is a pause, not the same for all
// nodes.
func (c *claim) note(from string, idle time.Duration, now time.Time) {
	c.from = from
	if from == noMore {
		c.next = now.Add(idle/4 + rand.N(idle/4))
	}
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
	// sayEvery is how often it is said that something still fails.
	sayEvery = time.Minute
)

// state is whether the inbox works, and what the log was told.
type state struct {
	// Static.
	log *slog.Logger

	// Owned by Run.
	failed int // times, one after the other
	said   time.Time
}

// note notes what came of a turn, and tells the log where that changes, and once a minute.
func (s *state) note(err error, now time.Time) {
	switch {
	case err == nil && s.failed > 0:
		s.log.Info("the backend's audit reports are read again")
		s.failed = 0
	case err == nil:
	case s.failed == 0 || now.Sub(s.said) >= sayEvery:
		s.log.Warn("the backend's audit reports cannot be read or kept, trying again", "error", err)
		s.said = now
		s.failed++
	default:
		s.failed++
	}
}

// rest waits after a failure, twice as long after each, and a tenth more or less, or until ctx
// ends.
func (s *state) rest(ctx context.Context) {
	pause := longestPause
	if doublings := s.failed - 1; doublings < 6 {
		pause = firstPause << max(doublings, 0)
	}
	timer := time.NewTimer(pause*9/10 + rand.N(pause/5))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
