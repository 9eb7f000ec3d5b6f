package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// Outbox is where all nodes keep what webhooks are to be told.
type Outbox interface {
	// Poll claims and renews partitions, and returns what came to those of this node since
	// it was polled last, oldest first, at most some hundred. lost are, with an error too,
	// the partitions that are this node's no longer: what was taken from them and is not
	// done is another's.
	Poll(ctx context.Context) (taken []protocol.Occurrence, lost []int, err error)
	// Standing returns, of occurrences that are due, those that still stand (not taken
	// back, still there), with what is known only now filled in. The others are done.
	Standing(ctx context.Context, due []protocol.Occurrence) ([]protocol.Occurrence, error)
	// Done forgets occurrences, told or given up.
	Done(ctx context.Context, done []protocol.Occurrence) error
	// Release gives all partitions back.
	Release(ctx context.Context) error
}

// Auditor keeps records of what was given up.
type Auditor interface {
	// Note takes a record. It never blocks, and calls nothing back.
	Note(r audit.Record)
}

// Config is what a Sender needs. All fields but Networks and Auditor are required.
type Config struct {
	Outbox   Outbox
	Apps     *auth.Apps
	Networks Networks
	Metrics  *metrics.Metrics
	Log      *slog.Logger
	// Auditor is nil where no records are kept.
	Auditor Auditor
}

// Sender tells the webhooks of all apps what the outbox has for this node.
type Sender struct {
	// Static.
	config Config
	shared *shared

	// Owned by Run.
	agenda    agenda
	strangers strangers
	held      map[eventID]*event // what was taken from the outbox and is not forgotten there
	targets   map[targetKey]*target
	claims    bool // the outbox counts on this node
	failing   bool // the outbox cannot be asked
}

const (
	// pollEvery is how often the outbox is asked, idleEvery how often the apps are while no
	// app has a webhook.
	pollEvery = 200 * time.Millisecond
	idleEvery = time.Second
	// callTime is how long the outbox may take to answer.
	callTime = 5 * time.Second
	// fullPoll is how many occurrences are so many that there may be more; mostPolls is how
	// often more is asked for before anything is told.
	fullPoll  = 100
	mostPolls = 20
	// manyAhead is how many occurrences that are not due are so many that only one poll is
	// made at a time, and manyBytes how much that is of what was just taken. mostAhead is how
	// many are kept.
	manyAhead = 50_000
	manyBytes = 16 << 20
	mostAhead = 200_000
	// mostAsked is of how many occurrences the outbox is asked, or told, at once.
	mostAsked = 500
)

// New returns a sender that does nothing until Run is called.
func New(config Config) *Sender {
	return &Sender{
		config: config,
		shared: &shared{
			apps: config.Apps, metrics: config.Metrics,
			client: newClient(newGate(config.Networks), nil),
		},
		held:    make(map[eventID]*event),
		targets: make(map[targetKey]*target),
	}
}

// Run tells webhooks what there is to tell until ctx ends. It then lets the requests under
// way end, for five seconds at the most, and gives everything else back. It must be called
// once.
func (s *Sender) Run(ctx context.Context) {
	var targets sync.WaitGroup
	tick := time.NewTimer(0)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s.turn(ctx, &targets)
			tick.Reset(s.every())
		}
	}
	targets.Wait()
	s.release(context.WithoutCancel(ctx))
	s.shared.client.CloseIdleConnections()
}

func (s *Sender) every() time.Duration {
	if s.config.Apps.HaveHooks() {
		return pollEvery
	}
	return idleEvery
}

// turn does what there is to do. running are the targets that Run waits for.
func (s *Sender) turn(ctx context.Context, running *sync.WaitGroup) {
	s.follow()
	if !s.config.Apps.HaveHooks() {
		if s.claims {
			s.release(ctx)
		}
		return
	}
	s.revisit(time.Now())
	// What was told while Redis was away must be forgotten before it could be taken again.
	forgot := s.forget(ctx)
	err := s.poll(ctx)
	if err == nil { // what is done is forgotten whether or not something can be told
		err = errors.Join(s.tell(ctx, running), s.forget(ctx))
	}
	err = errors.Join(forgot, err)
	if err != nil && !s.failing && ctx.Err() == nil {
		s.config.Log.Warn("what webhooks are to be told cannot be read, trying again", "error", err)
	}
	s.failing = err != nil
}

// follow ends the targets whose webhooks are gone.
func (s *Sender) follow() {
	for key, t := range s.targets {
		if _, hook := key.find(s.config.Apps); hook == nil {
			t.close()
			delete(s.targets, key)
		}
	}
}
