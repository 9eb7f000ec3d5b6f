package trail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"buildrelay/relay/audit"
	"buildrelay/relay/wholefile"
)

// spool is a file of records that the database has yet to take, in their order. A crash
// leaves whole lines, and at most one that is torn, which is cut off. How far the database
// came is not written down: after a crash it is handed again what it has, and leaves it out.
// The writer's.
type spool struct {
	path  string
	limit int64
	form  lineForm

	file *os.File // nil: not open
	// size is where the next line goes; 0 in a spool without its first line.
	size int64
	next int64 // the number of the next line
	// frayed says that there may be something behind size.
	frayed bool
	place
	lines int // behind place, or about as many if somebody edited the file
}

// place is up to where a spool was read.
type place struct {
	at     int64 // in the file
	number int64 // of the last line that fits
	unfit  int   // lines since then, which are counted as lost
}

// errSpoolFull says that no more goes into the spool.
var errSpoolFull = errors.New("the spool is full")

// newSpool returns a spool that is not open.
func newSpool(path string, limit int64, key audit.Key) *spool {
	return &spool{path: path, limit: limit, form: lineForm{key: key}, next: 1}
}

// bytes is how much the database has yet to take. It is 0 before the file is open.
func (s *spool) bytes() int64 { return s.size - s.at }

// open opens the file, or makes it, and finds what is left there. It does nothing where it is
// open already.
func (s *spool) open() error {
	if s.file != nil {
		return nil
	}
	file, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	if err := s.take(file); err != nil {
		_ = file.Close() // err is what matters
		return err
	}
	s.file = file
	return nil
}

func (s *spool) take(file *os.File) error {
	if err := wholefile.Lock(file); err != nil {
		return fmt.Errorf("locking the spool, which another node may have: %w", err)
	}
	if err := wholefile.SyncFolder(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	was, err := scan(file, &s.form)
	if err != nil {
		return fmt.Errorf("reading the spool: %w", err)
	}
	if err := file.Truncate(was.end); err != nil {
		return fmt.Errorf("cutting off the spool's torn end: %w", err)
	}
	s.size, s.lines, s.next, s.frayed = was.end, was.lines, was.last+1, false
	s.place = place{at: was.begin, number: was.first - 1}
	return nil
}

// close closes the file; what is in it stays.
func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	return file.Close()
}

// add writes records behind the others, as many as the file has room for below limit, and
// waits until they are on the disk. It returns where in the file each of them ends. With an
// error none was added; with [errSpoolFull] there is no room for the first.
func (s *spool) add(records []kept, limit int64) (ends []int64, err error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.trim(); err != nil {
		return nil, err
	}
	form, text := s.form, []byte(nil)
	if s.size == 0 {
		form.nonce = make([]byte, nonceSize)
		_, _ = rand.Read(form.nonce) // never fails
		text = form.head(s.next)
	}
	if form.nonce == nil {
		return nil, errors.New("the spool's first line makes no sense")
	}
	begin := int64(len(text))
	for i, r := range records {
		with := form.append(text, s.next+int64(i), r.entry.Line)
		if s.size+int64(len(with)) > limit {
			break
		}
		text = with
		ends = append(ends, s.size+int64(len(text)))
	}
	if len(ends) == 0 {
		return nil, errSpoolFull
	}
	if err := s.write(text); err != nil {
		return nil, err
	}
	if s.size == 0 {
		s.form, s.place = form, place{at: begin, number: s.next - 1}
	}
	s.size = ends[len(ends)-1]
	s.lines += len(ends)
	s.next += int64(len(ends))
	return ends, nil
}

func (s *spool) write(text []byte) error {
	s.frayed = true
	if _, err := s.file.WriteAt(text, s.size); err != nil {
		_ = s.trim() // else before the next line is written
		return fmt.Errorf("writing to the spool: %w", err)
	}
	if err := s.file.Sync(); err != nil {
		_ = s.trim()
		return fmt.Errorf("writing the spool to the disk: %w", err)
	}
	s.frayed = false
	return nil
}

// trim cuts off what is behind the last whole line.
func (s *spool) trim() error {
	if !s.frayed {
		return nil
	}
	if err := s.file.Truncate(s.size); err != nil {
		return fmt.Errorf("cutting off the spool's torn end: %w", err)
	}
	s.frayed = false
	return nil
}

// advance says that the database has lines, and where the next are. A spool of which it has
// all begins anew.
func (s *spool) advance(lines int, to place) {
	s.place = to
	s.lines = max(s.lines-lines, 0)
	if s.at < s.size {
		return
	}
	s.size, s.lines, s.next, s.place, s.frayed = 0, 0, 1, place{}, true
	_ = s.trim() // else before the next line is written; until then a crash hands in again what is known
}
