package appsfile

import (
	"context"
	"encoding/hex"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/metrics"
	"buildrelay/relay/recheck"
)

// Watch looks whether an apps file has another content. Path, Metrics and Log are required.
// Its methods but Reload and Retry are for one goroutine.
type Watch struct {
	Path    string
	Open    Opener
	Metrics *metrics.Metrics
	Log     *slog.Logger

	secrets []string       // the paths of the files with secrets that the file last named
	last    recheck.Digest // what the last look saw
	settled recheck.Digest // what two looks in a row saw, the last time they did
	inForce recheck.Digest
	refused bool // the settled content is not in force
	// asks are for a look at once, and retries for another try of what is refused. Set by Load.
	asks, retries recheck.Asks
}

// Read reads an apps file, and the files with secrets that it names.
func Read(path string, open Opener) ([]auth.App, error) {
	w := &Watch{Path: path, Open: open}
	apps, _, err := w.parse(w.look())
	return apps, err
}

// Load reads the file for the first time.
func (w *Watch) Load() ([]auth.App, error) {
	apps, seen, err := w.parse(w.look())
	if err != nil {
		return nil, err
	}
	w.last, w.settled, w.inForce = seen, seen, seen
	w.asks, w.retries = make(recheck.Asks), make(recheck.Asks)
	w.good(len(apps))
	return apps, nil
}

// Run looks at the file again and again until ctx ends. Another content is given to take
// if it is good; what is bad is logged, once, and the apps stay as they are. It is called
// after Load.
//
// It looks at the content, not at the time of the file: Kubernetes changes what a symbolic
// link leads to. A content counts when two looks saw the same, so that one which is half
// written is not taken for fewer apps.
func (w *Watch) Run(ctx context.Context, every time.Duration, take func([]auth.App) error) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			w.step(take)
		case done := <-w.asks:
			w.stepAtOnce(take)
			close(done)
		case done := <-w.retries:
			w.retry(take)
			close(done)
		}
	}
}

// Hashes tell what is in force from what take is given: each is a SHA-256 of the apps file
// and of all files with secrets that it names. They are for take alone.
func (w *Watch) Hashes() (before, after string) {
	return hex.EncodeToString(w.inForce[:]), hex.EncodeToString(w.settled[:])
}

// Reload has Run look at once, and take what is there though it was seen only once: whoever
// asks has written it to the end. It returns when that is done, or when ctx ends. Anybody may
// call it after Load.
func (w *Watch) Reload(ctx context.Context) { w.asks.Ask(ctx) }

// Retry has Run try once more what it has refused, as Open may now open more. What two looks in
// a row have not seen waits for them as ever. It returns when that is done, or when ctx ends.
// Anybody may call it after Load.
func (w *Watch) Retry(ctx context.Context) { w.retries.Ask(ctx) }

// stepAtOnce is a look for somebody who waits for what comes of it: that is logged in any case.
func (w *Watch) stepAtOnce(take func([]auth.App) error) {
	look := w.look()
	if look.digest() == w.inForce && !w.refused {
		w.Log.Info("the apps file is what is in force", "file", w.Path)
		return
	}
	w.settle(look, take)
}

// retry is another try of what is refused, if it is still there.
func (w *Watch) retry(take func([]auth.App) error) {
	look := w.look()
	if w.refused && look.digest() == w.settled {
		w.settle(look, take)
	}
}

// step is one look.
func (w *Watch) step(take func([]auth.App) error) {
	look := w.look()
	seen := look.digest()
	stays := seen == w.last
	w.last = seen
	if stays && seen != w.settled {
		w.settle(look, take)
	}
}

// settle puts a look in force, or refuses it.
func (w *Watch) settle(l *look, take func([]auth.App) error) {
	apps, seen, err := w.parse(l)
	w.last, w.settled = seen, seen
	switch {
	case err == nil && seen == w.inForce:
		w.restored()
	case err == nil:
		err = take(apps)
	}
	switch {
	case err != nil:
		w.refuse(err)
	case seen != w.inForce:
		w.taken(len(apps))
	}
}

// restored says that the file has again what is in force.
func (w *Watch) restored() {
	if w.refused {
		w.refused = false
		w.Metrics.AppsGood.Set(1)
		w.Log.Info("the apps file is again what is in force", "file", w.Path)
	}
}

func (w *Watch) refuse(err error) {
	w.refused = true
	w.Metrics.AppsGood.Set(0)
	w.Metrics.AppsReloads.WithLabelValues("refused").Inc()
	w.Log.Error("the apps file is refused, the apps stay as they are", "file", w.Path, "error", err)
}

func (w *Watch) taken(apps int) {
	w.inForce, w.refused = w.settled, false
	w.good(apps)
	w.Metrics.AppsReloads.WithLabelValues("taken").Inc()
	w.Log.Info("the apps file has changed and is in force", "file", w.Path, "apps", apps)
}

func (w *Watch) good(apps int) {
	w.Metrics.Apps.Set(float64(apps))
	w.Metrics.AppsGood.Set(1)
}

// look reads the file, and those with secrets that it named when it was parsed last.
func (w *Watch) look() *look {
	l := &look{apps: readFile(w.Path, mostBytes), secrets: map[string]file{}}
	for _, path := range w.secrets {
		l.secrets[path] = readFile(path, mostSecret)
	}
	return l
}

// parse reads the apps out of a look. It returns what was seen, with the files that only
// now are known to belong to it.
func (w *Watch) parse(l *look) ([]auth.App, recheck.Digest, error) {
	seen := &look{apps: l.apps, secrets: map[string]file{}}
	var apps []auth.App
	err := l.apps.err
	if err == nil {
		read := func(path string) ([]byte, error) {
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(w.Path), path)
			}
			f, ok := l.secrets[path]
			if !ok {
				f = readFile(path, mostSecret)
			}
			seen.secrets[path] = f
			return f.text, f.err
		}
		apps, err = Parse(l.apps.text, Secrets{ReadFile: read, Open: w.Open})
	}
	w.secrets = slices.Sorted(maps.Keys(seen.secrets))
	return apps, seen.digest(), err
}
