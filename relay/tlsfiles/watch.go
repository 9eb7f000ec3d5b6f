package tlsfiles

import (
	"context"
	"log/slog"
	"time"

	"buildrelay/relay/metrics"
	"buildrelay/relay/recheck"
)

// Watch looks whether files have changed. All is set before Run. Metrics, Log and Now are
// required.
type Watch struct {
	Pairs       []*Pair
	Authorities []*Authorities // nil ones are passed over, as they are below
	Revocations []*Revocations
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	Now         func() time.Time
	// Changed is told of each change of what is on disk; nil where nobody wants to know. Run
	// calls it, and waits.
	Changed func(Change)
	// Asks are for a look at once. See Reload.
	Asks recheck.Asks
}

// Change is a content that was put in force, or refused.
type Change struct {
	Use           string
	Before, After string // SHA-256 of the certificate in force, or of all of the file's
	Expiry        time.Time
	Err           error // why it was refused, and what was in force stays; nil if it was not
}

// Run looks at all files again and again until ctx ends. What is good and was seen twice is put in
// force; what is bad is logged, once.
//
// It looks at the content, not at the time of a file: Kubernetes changes what a symbolic link
// leads to.
func (w *Watch) Run(ctx context.Context, every time.Duration) {
	w.begin()
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			for _, f := range w.all() {
				f.step(w)
			}
		case done := <-w.Asks:
			for _, f := range w.all() {
				f.stepAtOnce(w)
			}
			close(done)
		}
	}
}

// begin tells how all files are that were loaded.
func (w *Watch) begin() {
	for _, f := range w.all() {
		w.tell(f)
		w.warn(f)
		f.age(w)
	}
}

// Reload has Run look at once, and take what is there though it was seen only once: whoever
// asks has written it to the end. It returns when that is done, or when ctx ends. Anybody may
// call it, where Asks is set.
func (w *Watch) Reload(ctx context.Context) { w.Asks.Ask(ctx) }

// Len is how many are looked at.
func (w *Watch) Len() int { return len(w.all()) }

func (w *Watch) all() []*files {
	var all []*files
	for _, p := range w.Pairs {
		if p != nil {
			all = append(all, &p.files)
		}
	}
	for _, a := range w.Authorities {
		if a != nil {
			all = append(all, &a.files)
		}
	}
	for _, r := range w.Revocations {
		if r != nil {
			all = append(all, &r.files)
		}
	}
	return all
}
