package pipe

import (
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"buildrelay/relay/mask"
)

// quiet is how long a stream prints nothing before what is held back of it, since it
// may begin a secret, is shown nonetheless: a prompt must not wait for its answer.
const quiet = 100 * time.Millisecond

// screen masks what one stream prints, before the publisher and the terminal get it.
type screen struct {
	tee   *tee
	dirty chan struct{} // holds a token when something was printed that is held back

	mu     sync.Mutex
	masker *mask.Masker
	behind []byte // what the terminal has not yet been given

	// terminal is held while the terminal is written to, which may block for ever.
	// Whoever has it writes what is behind until there is nothing more.
	terminal sync.Mutex
}

// screens are those of a command: one if both its outputs end in the same place.
type screens []*screen

// screened returns the writers for both outputs of the command, as tees does, with
// what masks them, nil if c masks nothing.
func screened(c Config, b *batcher) (stdout, stderr io.Writer, all screens) {
	out, err := tees(c, b)
	if c.Mask == nil {
		return out, err, nil
	}
	first := newScreen(c.Mask, out)
	if out == err {
		return first, first, screens{first}
	}
	second := newScreen(c.Mask, err)
	return first, second, screens{first, second}
}

func newScreen(set *mask.Set, to *tee) *screen {
	return &screen{tee: to, masker: set.New(), dirty: make(chan struct{}, 1)}
}

// Write masks p and passes on what may be shown. Like that of a tee it waits for the
// terminal alone, and returns its error.
func (s *screen) Write(p []byte) (int, error) {
	s.take(func(m *mask.Masker) []byte { return m.Write(p) })
	s.terminal.Lock()
	err := s.catchUp()
	s.terminal.Unlock()
	if err != nil {
		return 0, err
	}
	s.offer()
	return len(p), nil
}

// take lets the masker say what may be shown, and publishes it.
func (s *screen) take(of func(*mask.Masker) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := of(s.masker)
	if len(shown) > 0 {
		s.tee.batch.write(s.tee.stream, shown)
		s.behind = append(s.behind, shown...)
	}
	if s.masker.Holding() {
		select {
		case s.dirty <- struct{}{}:
		default:
		}
	}
}

// catchUp gives the terminal all that is behind. s.terminal is held.
func (s *screen) catchUp() error {
	for {
		s.mu.Lock()
		next := slices.Clone(s.behind)
		s.behind = s.behind[:0]
		s.mu.Unlock()
		if len(next) == 0 {
			return nil
		}
		if _, err := s.tee.terminal.Write(next); err != nil {
			return err
		}
	}
}

// offer gives the terminal what is behind, unless somebody else is at it: whoever is
// looks again afterwards.
func (s *screen) offer() {
	for s.isBehind() && s.terminal.TryLock() {
		_ = s.catchUp() // the command's next write fails as well, and tells it
		s.terminal.Unlock()
	}
}

func (s *screen) isBehind() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.behind) > 0
}

// run shows what is held back when the stream is quiet, until done is closed.
func (s *screen) run(done <-chan struct{}) {
	var due <-chan time.Time
	for {
		select {
		case <-s.dirty:
			due = time.After(quiet)
		case <-due:
			due = nil
			s.take((*mask.Masker).Release)
			s.offer()
		case <-done:
			return
		}
	}
}

// flush publishes all that is left at the end.
func (all screens) flush() {
	for _, s := range all {
		s.take((*mask.Masker).Flush)
	}
}

// show gives the terminal what flush left. It waits for the terminal, so it comes when
// nothing waits for it any more: readers are told the end though the terminal is stopped.
func (all screens) show() {
	for _, s := range all {
		s.offer()
	}
}

// report tells how much was masked, by kind.
func (all screens) report(log *slog.Logger) {
	var hits []any
	for _, kind := range append([]mask.Kind{mask.Value}, mask.Shapes()...) {
		var n int64
		for _, s := range all {
			s.mu.Lock()
			n += s.masker.Hits(kind)
			s.mu.Unlock()
		}
		if n > 0 {
			hits = append(hits, slog.Int64(kind.String(), n))
		}
	}
	if len(hits) > 0 {
		log.Warn("the output had secrets in it, they were masked", hits...)
	}
}

// maskedCommand is the command as readers may see it.
func (c Config) maskedCommand() []string {
	if c.Mask == nil {
		return c.Command
	}
	command := slices.Clone(c.Command)
	for i, argument := range command {
		command[i] = c.Mask.Mask(argument)
	}
	return command
}
