package api

import (
	"context"
	"time"

	"buildrelay/protocol"
)

// History is the answer to GET …/history: a page of a channel's log.
type History struct {
	// Position is that of the newest entry of the log, Closed whether it is final.
	Position string `json:"position"`
	Closed   bool   `json:"closed"`
	// Entries are those of the page, the oldest first, without holes.
	Entries []HistoryEntry `json:"entries"`
	// Gap is what cannot be given before the first of them, nil if it is the next.
	Gap *HistoryGap `json:"gap"`
	// Next is what to give as since for what follows; nil where nothing will. With a
	// page backwards that has no entries it is nil as well.
	Next *string `json:"next"`
	// Previous is what to give as before for what comes before; nil where the log
	// retains nothing there.
	Previous *string `json:"previous"`
	// Final stands on the page that has the final entry.
	Final *protocol.Final `json:"final"`
}

// HistoryEntry is one entry of a [History].
type HistoryEntry struct {
	ID       string `json:"id"`
	Position string `json:"position"`
	Event    string `json:"event"`
	Data     string `json:"data"`
	Time     int64  `json:"time"` // when Redis took it, in ms since the epoch
	// Sealed says that the log has the data sealed: the digests are over what it has.
	Sealed bool `json:"sealed,omitempty"`
}

// HistoryGap is a [protocol.Gap], as relay:gap tells it.
type HistoryGap struct {
	Reason   protocol.GapReason `json:"reason"`
	From     string             `json:"from"`
	ResumeAt *string            `json:"resume_at"`
	Missing  *int64             `json:"missing"` // events; nil where nobody can know
	Reset    bool               `json:"reset"`
}

// getHistory answers a page of a channel's log.
func (a *API) getHistory(ctx context.Context, c *call) (reply, error) {
	if err := c.checkLog(); err != nil {
		return nil, err
	}
	q, err := parseHistoryQuery(c.query)
	if err != nil {
		return nil, err
	}
	var p part
	switch {
	case q.before != nil:
		p, err = a.readBefore(ctx, c, *q.before, q.limit)
	case q.wait > 0:
		p, err = a.await(ctx, c, q)
	default:
		p, err = a.read(ctx, c, q.start)
	}
	switch {
	case err != nil:
		return nil, err
	case q.before == nil:
		p = p.first(q.limit)
	}
	return p.history(), nil
}

// await reads until there is something to tell, the log has ended, or the time is
// up.
func (a *API) await(ctx context.Context, c *call, q historyQuery) (part, error) {
	leave, err := a.enter()
	if err != nil {
		return part{}, err
	}
	defer leave()
	until := time.Now().Add(q.wait)
	for {
		p, err := a.read(ctx, c, q.start)
		left := time.Until(until)
		if err != nil || !p.empty() || p.ended() || left <= 0 {
			return p, err
		}
		if err := a.pause(ctx, min(left, pollEvery)); err != nil {
			return p, nil // nothing has come so far, and that is an answer
		}
	}
}

// history is a part of one run, as it is told.
func (p part) history() *History {
	r := p.runs[0]
	h := &History{Position: p.page.Top.String(), Closed: p.page.Closed, Entries: []HistoryEntry{}}
	if r.gap != nil {
		h.Gap = newGap(r.gap)
	}
	for _, e := range r.entries {
		h.Entries = append(h.Entries, HistoryEntry{e.Link.At.ID.String(), e.Link.At.String(), e.Name, e.Data, e.Link.Time, e.Link.Sealed})
		h.Final = e.Link.Final
	}
	if len(r.entries) > 0 && r.entries[0].Link.At.ID.Offset > p.page.Oldest.Offset {
		h.Previous = &h.Entries[0].Position
	}
	if !p.ended() {
		h.Next = textOf(p.next)
	}
	return h
}

func newGap(g *protocol.Gap) *HistoryGap {
	told := &HistoryGap{Reason: g.Reason, From: g.From.String(), Reset: g.Reset}
	if g.ResumeAt != (protocol.Position{}) {
		told.ResumeAt = textOf(g.ResumeAt)
	}
	if g.Missing >= 0 {
		told.Missing = &g.Missing
	}
	return told
}

func textOf(at protocol.Position) *string {
	s := at.String()
	return &s
}
