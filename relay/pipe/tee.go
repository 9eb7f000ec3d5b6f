package pipe

import (
	"io"
	"os"
	"reflect"
)

// tee publishes what one stream prints and passes it on to the terminal.
type tee struct {
	stream   Stream
	batch    *batcher
	terminal io.Writer
}

// Write hands p to the batcher first: a terminal that is stopped (Ctrl-S), or a
// reader that is gone, takes nothing from those who watch. An error of the
// terminal is returned, so that the command's next write fails as it would
// without us.
func (t *tee) Write(p []byte) (int, error) {
	t.batch.write(t.stream, p)
	return t.terminal.Write(p)
}

// tees returns the writers for both outputs of the command: one and the same
// when both end in the same place, and then the command is given one pipe for
// both and their order is exact. Otherwise each keeps a pipe of its own, and
// which of two lines came first is known only as well as the kernel told us.
func tees(c Config, b *batcher) (stdout, stderr *tee) {
	out := &tee{Stdout, b, c.Stdout}
	if sameFile(c.Stdout, c.Stderr) {
		return out, out
	}
	return out, &tee{Stderr, b, c.Stderr}
}

// sameFile reports whether both writers end in one file, pipe or terminal.
func sameFile(a, b io.Writer) bool {
	fa, okA := a.(*os.File)
	fb, okB := b.(*os.File)
	if !okA || !okB {
		return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
	}
	ia, errA := fa.Stat()
	ib, errB := fb.Stat()
	return errA == nil && errB == nil && os.SameFile(ia, ib)
}
