package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"buildrelay/protocol"
)

// The headers, or trailers, that say what the text has.
const (
	headerGaps     = "X-Buildrelay-Gaps"
	headerComplete = "X-Buildrelay-Complete"
)

// logStream answers with the text of a whole log, as it is read.
type logStream struct {
	api    *API
	call   *call
	leave  func()
	first  part // from the oldest entry that is retained
	follow bool
}

// getLog answers a channel's log as text.
func (a *API) getLog(ctx context.Context, c *call) (reply, error) {
	if err := c.checkLog(); err != nil {
		return nil, err
	}
	if protocol.KindOf(c.name).Encrypted() {
		return nil, badRequest("%s is encrypted from end to end: the relay can't read its text, only its history can be had", c.name)
	}
	follow, err1 := readSwitch(c.query, "follow")
	_, err2 := readSwitch(c.query, "download")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	first, err := a.read(ctx, c, protocol.Start{Kind: protocol.StartFirst})
	if err != nil {
		return nil, err
	}
	if first.page.Top == (protocol.Position{}) && !follow {
		return nil, &failure{status: http.StatusNotFound, message: "the channel has no log, not yet or not any more; follow=1 waits for it"}
	}
	leave, err := a.enter()
	if err != nil {
		return nil, err
	}
	s := &logStream{a, c, leave, first, follow}
	if follow || !a.wantsRange(c, first.page.Oldest) {
		return s, nil
	}
	ranges, err := s.survey(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	return ranges, nil
}

func (s *logStream) serve(w http.ResponseWriter, r *http.Request) error {
	defer s.leave()
	s.setHeaders(w.Header())
	switch {
	case r.Method == http.MethodHead:
		return nil
	case s.follow:
		w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the text back
	default:
		w.Header().Set("Accept-Ranges", "bytes")
	}
	w.Header().Set("Trailer", headerGaps+", "+headerComplete)
	text := &logText{}
	last, err := s.copy(r.Context(), newPatientWriter(w), text)
	if err != nil {
		return err
	}
	text.tell(w.Header(), last.ended())
	return nil
}

func (s *logStream) setHeaders(h http.Header) {
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if download, _ := readSwitch(s.call.query, "download"); download {
		h.Set("Content-Disposition", `attachment; filename="`+fileName(s.call.name)+`"`)
	}
}

// copy writes the log part by part to its end; following, to its final entry. It
// returns the last part.
func (s *logStream) copy(ctx context.Context, w patientWriter, text *logText) (part, error) {
	p := s.first
	s.first = part{}
	for {
		text.add(p)
		p.runs, p.page.Entries = nil, nil // a client that is slow, or waits, holds nothing big
		if err := w.writeAll(text.take(), s.follow); err != nil {
			return p, err
		}
		if p.ended() || p.atTop() && !s.follow {
			return p, nil
		}
		var err error
		if p, err = s.next(ctx, p); err != nil {
			return p, err
		}
	}
}

// next reads what follows a part. At the end of the log it looks now and then, and
// goes on doing so while Redis is away, but not once the caller may no longer read.
func (s *logStream) next(ctx context.Context, last part) (part, error) {
	start := protocol.Start{Kind: protocol.StartSince, Since: last.next}
	for wait := last.atTop(); ; wait = true {
		if wait {
			if err := s.api.pause(ctx, pollEvery); err != nil {
				return last, err
			}
		}
		p, err := s.api.read(ctx, s.call, start)
		switch {
		case !s.follow || refuses(err):
			return p, err
		case err == nil && (!p.empty() || !p.atTop() || p.ended()):
			return p, nil
		}
	}
}

// tell says how many notices the text has, and whether it is all of a log that has
// ended.
func (t *logText) tell(h http.Header, ended bool) {
	h.Set(headerGaps, strconv.Itoa(t.notices))
	h.Set(headerComplete, strconv.FormatBool(ended && t.notices == 0))
}

// fileName is a name for a file with the channel's text that means nothing else to
// any system.
func fileName(channel string) string {
	safe := strings.Map(func(r rune) rune {
		if strings.ContainsRune("=@,;#", r) {
			return '_'
		}
		return r
	}, channel)
	return fmt.Sprintf("log-%s.txt", strings.Trim(safe, ".-"))
}
