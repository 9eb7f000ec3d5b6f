package trail

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"buildrelay/relay/audit"
)

// page is what stands next in a spool.
type page struct {
	entries []audit.Entry
	lines   int   // with those that do not fit
	lost    int   // records: lines that do not fit, or are missing
	next    place // behind the page
}

// peek reads the next lines of the spool: at most so many, of about so many bytes.
func (s *spool) peek(most, mostBytes int) (page, error) {
	if err := s.open(); err != nil {
		return page{}, err
	}
	text := make([]byte, min(int64(max(mostBytes, 2*mostLine)), s.bytes()))
	n, err := s.file.ReadAt(text, s.at)
	if err != nil && !errors.Is(err, io.EOF) {
		return page{}, fmt.Errorf("reading the spool: %w", err)
	}
	shortened := n < len(text)
	p := page{next: s.place}
	p.read(s.form, text[:n], most)
	if shortened && p.lines < most { // by somebody else
		p.lines, p.next.at = s.lines, s.size
	}
	if p.next.at >= s.size {
		p.fit(s.next)
		p.next.number--
	}
	return p, nil
}

// read reads lines of a text, whose last may be a part of one.
func (p *page) read(form lineForm, text []byte, most int) {
	for p.lines < most && len(text) > 0 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole && p.lines > 0 {
			return // it is in the next page
		}
		p.next.at += int64(len(text) - len(rest))
		text = rest
		p.lines++
		number, e, ok := form.entry(line)
		if !ok || number <= p.next.number {
			p.next.unfit++
			p.lost++
			continue
		}
		p.fit(number)
		p.entries = append(p.entries, e)
	}
}

// fit notes the number of a line that fits, or of the one behind the last: numbers that are
// missing are those of the lines before it that do not fit, or of some that are not there.
func (p *page) fit(number int64) {
	missing := int(number - p.next.number - 1)
	p.lost += max(missing-p.next.unfit, 0)
	p.next.number, p.next.unfit = number, 0
}

// remains is what a file has that was a spool before.
type remains struct {
	begin, end  int64 // of the records; both 0 where there are none
	lines       int
	first, last int64 // numbers: that of the first, and the highest
}

// scan looks for records in a file, and takes the nonce of its first line. What is behind the
// last end of a line is torn.
func scan(file *os.File, form *lineForm) (remains, error) {
	in := bufio.NewReaderSize(io.NewSectionReader(file, 0, math.MaxInt64), 2*mostLine)
	at, r, long := int64(0), remains{}, false
	for {
		line, err := in.ReadSlice('\n')
		at += int64(len(line))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
			continue
		case errors.Is(err, io.EOF):
			return r.check(), nil
		case err != nil:
			return remains{}, err
		}
		line = line[:len(line)-1]
		if long {
			line = nil
		}
		long = false
		if r.begin == 0 {
			r.first = max(form.readHead(line), 1)
			r.begin, r.last = at, r.first-1
			continue
		}
		r.lines++
		r.end = at
		if number, _, ok := form.read(line); ok {
			r.last = max(r.last, number)
		}
	}
}

// check makes nothing of a file with no more than a first line.
func (r remains) check() remains {
	if r.lines == 0 {
		return remains{first: 1}
	}
	return r
}
