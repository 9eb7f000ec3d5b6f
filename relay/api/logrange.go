package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"time"

	"buildrelay/protocol"
)

// wantsRange says whether the call asks for a part of the text, or for its length. A
// log that was trimmed begins elsewhere every time, one that is sealed is another
// text without some of the keys, and one that is masked with other values: without If-Range
// a byte of it can be counted from the end only, and such a Range is not obeyed.
func (a *API) wantsRange(c *call, oldest protocol.ID) bool {
	asked := c.header.Get("Range")
	switch {
	case c.method == http.MethodHead:
		return true
	case asked == "":
		return false
	}
	same := oldest.Offset == 1 && !c.app.Seal.On() && !a.masked(c.app.ID, c.name)
	return same || c.header.Get("If-Range") != "" || strings.HasPrefix(asked, "bytes=-")
}

// logRange answers with a part of a text, or with its headers alone.
type logRange struct {
	*logStream
	text     *rangeText
	surveyed *logText
	// etag is a hash of the text: the same entries have another where a node cannot open
	// some of them.
	etag string
}

func (l *logRange) serve(w http.ResponseWriter, r *http.Request) error {
	defer l.leave()
	l.setHeaders(w.Header())
	w.Header().Set("ETag", l.etag)
	l.surveyed.tell(w.Header(), l.first.page.Closed)
	if r.Method == http.MethodHead {
		r.Header.Del("Range") // as HTTP has it; net/http would obey it
	}
	l.text.read = func(p piece) (*logText, part, error) { return l.render(r.Context(), p) }
	// Where reading fails the answer stays too short, and net/http cuts it off.
	http.ServeContent(newPatientWriter(w), r, "", time.Time{}, l.text)
	return nil
}

// survey goes through the text up to the entry that was the newest when the first
// part was read.
func (s *logStream) survey(ctx context.Context) (*logRange, error) {
	text, surveyed, sum := &rangeText{}, &logText{}, sha256.New()
	next := piece{start: protocol.Start{Kind: protocol.StartFirst}, end: s.first.page.Top}
	for {
		rendered, p, err := s.render(ctx, next)
		if err != nil {
			return nil, err
		}
		surveyed.notices += rendered.notices
		sum.Write(rendered.out)
		next.end, next.size, next.sum = p.next, int64(len(rendered.out)), sha256.Sum256(rendered.out)
		text.pieces = append(text.pieces, next)
		text.size += next.size
		if p.next.ID.Offset >= s.first.page.Top.ID.Offset {
			return &logRange{s, text, surveyed, `"` + hex.EncodeToString(sum.Sum(nil)) + `"`}, nil
		}
		next = piece{
			start:   protocol.Start{Kind: protocol.StartSince, Since: p.next},
			end:     s.first.page.Top,
			offset:  text.size,
			midLine: rendered.midLine,
		}
	}
}

// render reads a piece of the text.
func (s *logStream) render(ctx context.Context, p piece) (*logText, part, error) {
	read, err := s.api.read(ctx, s.call, p.start)
	if err != nil {
		return nil, read, err
	}
	if read.page.Top.Epoch != p.end.Epoch {
		return nil, read, &failure{status: http.StatusServiceUnavailable, message: "another log took the place of the log while it was read, try again"}
	}
	read = read.until(p.end)
	text := &logText{midLine: p.midLine}
	text.add(read)
	return text, read, nil
}

// rangeText is the text of a log up to a certain entry, for [http.ServeContent].
type rangeText struct {
	pieces []piece
	size   int64
	read   func(piece) (*logText, part, error)

	at     int64
	loaded *piece
	text   []byte // of the loaded piece
}

// piece is the text of one part.
type piece struct {
	start   protocol.Start
	end     protocol.Position
	offset  int64 // in the text
	size    int64
	sum     [sha256.Size]byte
	midLine bool // the text before it does not end with a line end
}

var errChanged = errors.New("the log changed while its text was sent")

// Seek implements [io.Seeker].
func (t *rangeText) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += t.at
	case io.SeekEnd:
		offset += t.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seeking to %d: it is before the beginning", offset)
	}
	t.at = offset
	return offset, nil
}

// Read implements [io.Reader].
func (t *rangeText) Read(b []byte) (int, error) {
	if t.at >= t.size {
		return 0, io.EOF
	}
	i := sort.Search(len(t.pieces), func(i int) bool { return t.pieces[i].offset > t.at }) - 1
	if err := t.load(&t.pieces[i]); err != nil {
		return 0, err
	}
	n := copy(b, t.text[t.at-t.pieces[i].offset:])
	t.at += int64(n)
	return n, nil
}

func (t *rangeText) load(p *piece) error {
	if t.loaded == p {
		return nil
	}
	text, _, err := t.read(*p)
	if err != nil {
		return err
	}
	if sha256.Sum256(text.out) != p.sum {
		return errChanged
	}
	t.loaded, t.text = p, text.out
	return nil
}
