package webhook

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"buildrelay/protocol"
)

// poll takes what came to the outbox. While much is held already it takes little: the rest is
// kept there.
func (s *Sender) poll(ctx context.Context) error {
	bytes := 0
	for range mostPolls {
		start := time.Now()
		calling, cancel := context.WithTimeout(ctx, callTime)
		taken, lost, err := s.config.Outbox.Poll(calling)
		cancel()
		s.lose(lost)
		if err != nil {
			return fmt.Errorf("polling the outbox: %w", err)
		}
		s.claims = true
		s.shared.lease.renew(start)
		for _, o := range taken {
			bytes += len(o.Data)
			s.take(o)
		}
		if len(taken) < fullPoll || len(s.agenda) >= manyAhead || bytes >= manyBytes {
			break
		}
	}
	return nil
}

// take takes an occurrence, unless it was taken already.
func (s *Sender) take(o protocol.Occurrence) {
	id := idOf(o)
	if s.held[id] != nil {
		return
	}
	e := newEvent(o)
	s.held[id] = e
	s.meet(o.App)
	s.place(e)
}

// place puts an event on the agenda, if a webhook wants it.
func (s *Sender) place(e *event) {
	switch {
	case !strangerOf(e).known(s.config.Apps):
		s.estrange(e)
	case len(wanting(s.config.Apps, e.Occurrence)) == 0:
		s.shared.settled.add(e.Occurrence)
	case len(s.agenda) >= mostAhead:
		s.config.Metrics.Hooks.WithLabelValues(e.App, dropped).Inc()
		s.shared.settled.add(e.Occurrence)
	default:
		heap.Push(&s.agenda, e)
	}
}

// lose forgets what was taken from partitions.
func (s *Sender) lose(partitions []int) {
	if len(partitions) == 0 {
		return
	}
	lost := make(map[int]bool)
	for _, p := range partitions {
		lost[p] = true
	}
	for id, e := range s.held {
		if lost[id.partition] {
			e.lost.Store(true)
			delete(s.held, id)
		}
	}
	gone := func(e *event) bool { return lost[e.Partition] }
	s.agenda.remove(gone)
	for list := range s.strangers.lists {
		s.strangers.remove(list, gone)
	}
	for _, t := range s.targets {
		t.forget()
	}
}

// tell gives the targets what is due and still stands.
func (s *Sender) tell(ctx context.Context, running *sync.WaitGroup) error {
	for {
		due := s.agenda.take(time.Now(), mostAsked)
		if len(due) == 0 {
			return nil
		}
		standing, err := s.standing(ctx, due)
		if err != nil {
			for _, e := range due {
				heap.Push(&s.agenda, e)
			}
			return err
		}
		for _, e := range due {
			if now, ok := standing[idOf(e.Occurrence)]; ok {
				s.hand(ctx, e, now, running)
			} else {
				delete(s.held, idOf(e.Occurrence))
			}
		}
	}
}

func (s *Sender) standing(ctx context.Context, due []*event) (map[eventID]protocol.Occurrence, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	asked := make([]protocol.Occurrence, len(due))
	for i, e := range due {
		asked[i] = e.Occurrence
	}
	answer, err := s.config.Outbox.Standing(ctx, asked)
	if err != nil {
		return nil, fmt.Errorf("asking the outbox what stands: %w", err)
	}
	standing := make(map[eventID]protocol.Occurrence, len(answer))
	for _, o := range answer {
		standing[idOf(o)] = o
	}
	return standing, nil
}

// hand gives an event, as it stands, to the targets that want it.
func (s *Sender) hand(ctx context.Context, e *event, o protocol.Occurrence, running *sync.WaitGroup) {
	hooks := wanting(s.config.Apps, o)
	if len(hooks) == 0 {
		s.place(e) // the webhooks have changed since it was taken
		return
	}
	e.fix(o)
	e.left.Store(int32(len(hooks)))
	for key, hook := range hooks {
		s.target(ctx, key, running).add(e, hook.Batch)
	}
}

// target returns the target with this key, and starts it if it is new.
func (s *Sender) target(ctx context.Context, key targetKey, running *sync.WaitGroup) *target {
	if t := s.targets[key]; t != nil {
		return t
	}
	ctx, end := context.WithCancel(ctx)
	t := newTarget(s.shared, key, newNotices(s.config.Log, s.config.Auditor, key), end)
	s.targets[key] = t
	running.Go(func() {
		defer end()
		t.run(ctx)
	})
	return t
}

// forget tells the outbox what is settled.
func (s *Sender) forget(ctx context.Context) error {
	for {
		done := s.shared.settled.take(mostAsked)
		if len(done) == 0 {
			return nil
		}
		calling, cancel := context.WithTimeout(ctx, callTime)
		err := s.config.Outbox.Done(calling, done)
		cancel()
		if err != nil {
			s.shared.settled.add(done...)
			return fmt.Errorf("telling the outbox what is done: %w", err)
		}
		for _, o := range done {
			delete(s.held, idOf(o))
		}
	}
}

// release tells the outbox what is settled and gives everything else back. What cannot be
// given back is another's when the lease has run out.
func (s *Sender) release(ctx context.Context) {
	err := s.forget(ctx)
	calling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if failed := s.config.Outbox.Release(calling); failed != nil && err == nil {
		err = fmt.Errorf("releasing the outbox: %w", failed)
	}
	if err != nil && ctx.Err() == nil {
		s.config.Log.Warn("what webhooks are to be told could not be given back", "error", err)
	}
	for _, e := range s.held {
		e.lost.Store(true)
	}
	clear(s.held)
	s.agenda, s.strangers = nil, strangers{}
	s.claims = false
}
