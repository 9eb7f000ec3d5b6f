package seal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"buildrelay/relay/metrics"
	"buildrelay/relay/recheck"
)

// Watching is what Run tells of a file. Metrics and Log are required.
type Watching struct {
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// Changed is told of each change of the file: the sets before and after it, which are the
	// same where it is refused, and why it is. Run calls it, and waits. nil: nobody wants to know.
	Changed func(before, after *Keyset, err error)
}

// Run looks at the file again and again until ctx ends. Another content is put in force if it
// is good; what is bad is logged, once, and the keys stay as they are. So they do where the key that
// seals would be gone: others may open what they seal meanwhile. For a nil File it returns at once.
//
// It looks at the content, not at the time of the file: Kubernetes changes what a symbolic
// link leads to. A content counts when two looks saw the same.
func (f *File) Run(ctx context.Context, every time.Duration, w Watching) {
	w.Metrics.SealingKeysGood.Set(1)
	if f == nil {
		return
	}
	f.count(w)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			f.step(ctx, w)
		case done := <-f.asks:
			f.stepAtOnce(ctx, w)
			close(done)
		}
	}
}

// Reload has Run look at once, and take what is there though it was seen only once. It returns
// when that is done, or when ctx ends. Anybody may call it; for a nil File it does nothing.
func (f *File) Reload(ctx context.Context) {
	if f == nil {
		return
	}
	f.asks.Ask(ctx)
}

// step is one look.
func (f *File) step(ctx context.Context, w Watching) {
	text, seen, err := f.look()
	stays := seen == f.last
	f.last = seen
	if stays && (seen != f.inForce || f.isRefused()) && (seen != f.refused || f.isDue()) {
		f.settle(ctx, w, text, seen, err)
	}
}

// awayLooks is after how many looks it is tried again what was refused because the key that the
// set is sealed with was away.
const awayLooks = 10

// isDue says whether what was refused is to be tried again.
func (f *File) isDue() bool {
	if f.patience == 0 {
		return false
	}
	f.patience--
	return f.patience == 0
}

// stepAtOnce is a look for somebody who waits for what comes of it: that is logged in any case.
func (f *File) stepAtOnce(ctx context.Context, w Watching) {
	text, seen, err := f.look()
	f.last = seen
	if seen == f.inForce && !f.isRefused() {
		w.Log.Info("the keys file is what is in force", "file", f.path)
		return
	}
	f.reason = ""
	f.settle(ctx, w, text, seen, err)
}

func (f *File) isRefused() bool { return f.refused != recheck.Digest{} }

// settle puts what was seen in force, or refuses it.
func (f *File) settle(ctx context.Context, w Watching, text []byte, seen recheck.Digest, err error) {
	if seen == f.inForce {
		f.restored(w)
		return
	}
	var next *Keyset
	if err == nil {
		next, err = Parse(ctx, text, f.kek)
	}
	if err == nil {
		err = f.keys.Current().mayBecome(next)
	}
	if err != nil {
		f.refuse(w, seen, err)
		return
	}
	f.take(w, seen, next)
}

// restored says that the file has again what is in force.
func (f *File) restored(w Watching) {
	f.refused, f.reason, f.patience = recheck.Digest{}, "", 0
	w.Metrics.SealingKeysGood.Set(1)
	w.Log.Info("the keys file is again what is in force", "file", f.path)
}

// refuse keeps the keys. That a key could not be asked is told once, and tried again.
func (f *File) refuse(w Watching, seen recheck.Digest, err error) {
	told := f.refused == seen && f.reason == err.Error()
	f.refused, f.reason, f.patience = seen, err.Error(), 0
	if errors.Is(err, ErrAway) {
		f.patience = awayLooks
	}
	w.Metrics.SealingKeysGood.Set(0)
	if told {
		return
	}
	w.Metrics.SealingKeysReloads.WithLabelValues("refused").Inc()
	w.Log.Error("the keys file is refused, the keys stay as they are", "file", f.path, "error", err)
	w.tell(f.keys.Current(), f.keys.Current(), err)
}

func (f *File) take(w Watching, seen recheck.Digest, next *Keyset) {
	before := f.keys.Current()
	f.keys.Replace(next)
	f.inForce, f.refused, f.reason, f.patience = seen, recheck.Digest{}, "", 0
	f.count(w)
	w.Metrics.SealingKeysGood.Set(1)
	w.Metrics.SealingKeysReloads.WithLabelValues("taken").Inc()
	w.Log.Info("the keys file has changed and is in force", "file", f.path, "seals", next.Seals().String(), "keys", fmt.Sprint(next.IDs()))
	w.tell(before, next, nil)
}

func (w Watching) tell(before, after *Keyset, err error) {
	if w.Changed != nil {
		w.Changed(before, after, err)
	}
}

// count says which keys are in force.
func (f *File) count(w Watching) {
	set := f.keys.Current()
	w.Metrics.SealingKeys.Reset()
	for _, id := range set.IDs() {
		w.Metrics.SealingKeys.WithLabelValues(id.String()).Set(0)
	}
	w.Metrics.SealingKeys.WithLabelValues(set.Seals().String()).Set(1)
}
