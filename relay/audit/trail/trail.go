package trail

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// Store keeps records; both methods wait for it. *store.DB is one.
type Store interface {
	// Append adds entries to a chain in one commit: all or none. An entry whose id is there
	// already is left out, so what may or may not have been committed can be handed in again.
	Append(ctx context.Context, chain string, entries []audit.Entry) (audit.Head, error)
	// Purge removes what is from before a time.
	Purge(ctx context.Context, before time.Time) (audit.AuditPurge, error)
}

// Config is what a trail needs. All but what says otherwise has to be set.
type Config struct {
	Store Store
	Chain string
	Key   audit.Key
	// Spool is the file for what the database does not take, of at most SpoolBytes bytes;
	// with "" some records wait in memory instead, and are lost when the process dies.
	Spool      string
	SpoolBytes int64
	// Strict makes Confirm wait for the database.
	Strict bool
	// Keep is how old a record becomes; 0 is for ever.
	Keep time.Duration
	// Heads is the file that always has a recent signed head of the chain; "" is none.
	Heads string
	// Changed, unless it is nil, is called after each commit, by the goroutine that makes
	// them: it must not wait for anything.
	Changed func(head audit.Head)
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Trail takes records. A nil Trail takes them, too, and keeps none. All methods are safe for
// concurrent use.
type Trail struct {
	config  Config
	queue   *queue
	losses  *losses
	sampler *sampler
	health  *health
}

// New returns a trail. It touches neither the database nor a file before Run.
func New(c Config) *Trail {
	lost := newLosses(c.Metrics)
	return &Trail{config: c, queue: newQueue(lost), losses: lost, sampler: newSampler(c.Metrics), health: newHealth(c.Metrics)}
}

// Chain is the name of the node's chain.
func (t *Trail) Chain() string { return t.config.Chain }

// Run writes what is noted until ctx ends, and then commits or spools what still waits: it
// returns within five seconds. It is called once.
func (t *Trail) Run(ctx context.Context) {
	var purging sync.WaitGroup
	purging.Go(func() { t.retain(ctx) })
	newWriter(t).run(ctx)
	purging.Wait()
}

// Note hands a record in, which is the trail's from then on. It never waits for a database or
// a disk.
func (t *Trail) Note(r audit.Record) {
	if t != nil {
		t.queue.put(nil, &r)
	}
}

// Refused is Note for what others can bring about as often as they like: of the same action
// and reason from one address (of IPv6, the same /64) the first ten in a minute are kept one
// by one, and the rest as one record with their number in its payload. The address may be
// "". Reasons are few, and none of a client's choice.
func (t *Trail) Refused(r audit.Record, reason, address string) {
	if t == nil {
		return
	}
	if r.OccurredAt.IsZero() {
		r.OccurredAt = time.Now()
	}
	if t.sampler.take(&r, reason, address) {
		t.queue.put(nil, &r)
	}
}

// State says in words whether records reach the database, for people; ok is false while they
// do not. It waits for nothing.
func (t *Trail) State() (text string, ok bool) {
	if t == nil {
		return "no audit trail is kept", true
	}
	return t.health.state(time.Now())
}

// Own returns a record of what the node itself did, or what became of its trail.
func (t *Trail) Own(action string, payload any) audit.Record {
	r := audit.New(time.Now(), action, payload)
	r.Actor = audit.Entity{ID: "buildrelay", Type: "system"}
	r.Target = audit.Entity{ID: t.config.Chain, Type: "node"}
	r.Scope = r.Target
	return r
}
