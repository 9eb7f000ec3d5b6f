package tlsfiles

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"buildrelay/relay/recheck"
	"buildrelay/relay/wholefile"
)

// mostBytes is more than a file has, but one with all authorities of the world.
const mostBytes = 4 << 20

// files are what a value is read from. Static but for what the watching goroutine owns; take
// puts what the files hold in force, or says what is wrong with it.
type files struct {
	use   string
	paths []string
	take  func(texts [][]byte, now time.Time) (state, error)

	// Owned by whoever loads and, after that, by Watch.Run.
	last    recheck.Digest // what the last look saw
	settled recheck.Digest // what two looks in a row saw, the last time they did
	inForce recheck.Digest
	state   state     // of what is in force
	refused bool      // the settled content is not in force
	early   time.Time // when it will be good by itself; zero for never
	aged    bool      // it was told that what is in force has expired
	young   bool      // what is in force is not valid yet
}

// state is what is told of what is in force.
type state struct {
	from    time.Time // when it begins to be valid; zero where that is not asked for
	expiry  time.Time // zero for never
	name    string    // tells it from others; no secret
	exposed error     // what lets others read the key; nil if nothing does
	doubt   error     // why clients may not take it; nil if nothing is wrong with it
}

// load reads the files for the first time.
func (f *files) load() error {
	texts, seen, err := f.look()
	now := time.Now()
	if err == nil {
		f.state, err = f.take(texts, now)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(f.paths, ", "), err)
	}
	f.last, f.settled, f.inForce = seen, seen, seen
	f.young = now.Before(f.state.from)
	return nil
}

// look reads what is there. An error is a content, too.
func (f *files) look() (texts [][]byte, seen recheck.Digest, err error) {
	var parts [][]byte
	var errs []error
	for _, path := range f.paths {
		text, err := wholefile.Read(path, mostBytes)
		texts, errs = append(texts, text), append(errs, err)
		parts = append(parts, text, fmt.Append(nil, err))
	}
	return texts, recheck.DigestOf(parts...), errors.Join(errs...)
}

// step is one look. A content counts when two looks saw the same: certificate and key are
// written one after the other.
func (f *files) step(w *Watch) {
	texts, seen, err := f.look()
	stays := seen == f.last
	f.last = seen
	ripe := f.refused && !f.early.IsZero() && !w.Now().Before(f.early)
	if stays && (seen != f.settled || ripe) {
		f.settle(w, texts, seen, err)
	}
	f.age(w)
}

// stepAtOnce is a look for somebody who waits for what comes of it: that is logged in any case.
func (f *files) stepAtOnce(w *Watch) {
	texts, seen, err := f.look()
	f.last = seen
	if seen == f.inForce && !f.refused {
		w.unchanged(f)
	} else {
		f.settle(w, texts, seen, err)
	}
	f.age(w)
}

// settle puts in force what was seen, or refuses it.
func (f *files) settle(w *Watch, texts [][]byte, seen recheck.Digest, err error) {
	f.settled, f.early = seen, time.Time{}
	if err == nil && seen == f.inForce {
		f.refused = false
		w.restored(f)
		return
	}
	before, now := f.state, f.state
	if err == nil {
		now, err = f.take(texts, w.Now())
	}
	if err != nil {
		f.refused = true
		if early := (*tooEarly)(nil); errors.As(err, &early) {
			f.early = early.from
		}
		w.refuse(f, err)
		return
	}
	f.state, f.inForce, f.refused, f.aged, f.young = now, seen, false, false, false
	w.taken(f, before)
}

// age tells, once, that what is in force has expired, and that it has become valid.
func (f *files) age(w *Watch) {
	now := w.Now()
	if e := f.state.expiry; !f.aged && !e.IsZero() && now.After(e) {
		f.aged = true
		w.expired(f)
	}
	if f.young && !now.Before(f.state.from) {
		f.young = false
		w.ripened(f)
	}
}

// isGood says whether what is on disk is in force, is valid now and clients will take it.
func (f *files) isGood() bool { return !f.refused && !f.aged && !f.young && f.state.doubt == nil }
