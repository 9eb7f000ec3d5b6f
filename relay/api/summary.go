package api

import (
	"context"
	"sync"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

const (
	// summaryAfter is how long what is published on a log channel is counted for one record.
	summaryAfter = 5 * time.Minute
	// summaryEvery is how often what is to be told is looked for.
	summaryEvery = 10 * time.Second
	// mostSummaries is of how many channels is counted. If there are more, all are told at
	// once.
	mostSummaries = 100_000
)

// summaries count what calls publish on log channels. The zero value is ready to use.
type summaries struct {
	mu sync.Mutex
	by map[protocol.ChannelName]*summary
}

// summary is what was published on a channel since its last record.
type summary struct {
	channel         protocol.ChannelName
	since           time.Time
	messages, bytes int64
	last            caller // who published last
}

// Run keeps the records of what was published on log channels, five minutes of it at a time,
// until ctx ends, and then the rest. Where no records are kept it does nothing.
func (a *API) Run(ctx context.Context) {
	if a.Auditor == nil {
		return
	}
	tick := time.NewTicker(summaryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			a.noteSummaries(a.summaries.take(func(*summary) bool { return true }))
			return
		case <-tick.C:
			long := a.Now().Add(-summaryAfter)
			a.noteSummaries(a.summaries.take(func(s *summary) bool { return !s.since.After(long) }))
		}
	}
}

// notePublished counts what a call has published on log channels, and derives the records of
// jobs. An event that closes its log is told with all before it.
func (a *API) notePublished(c *call, events []protocol.Event, receipt protocol.Receipt) {
	if a.Auditor == nil {
		return
	}
	if receipt.Published != nil {
		events = receipt.Published // no record has what was masked
	}
	var told []*summary
	for i, e := range events {
		position := ""
		if i < len(receipt.Positions) && receipt.Positions[i] != (protocol.Position{}) {
			position = receipt.Positions[i].String()
			told = append(told, a.summaries.add(c, e, a.Now())...)
		}
		if r, ok := a.Jobs.Derive(c.app.ID, e.Channel, e.Name, e.Data, position, a.Now()); ok {
			a.Auditor.Note(r)
		}
	}
	a.noteSummaries(told)
}

// add counts an event, and returns what is to be told now.
func (s *summaries) add(c *call, e protocol.Event, now time.Time) (told []*summary) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := protocol.ChannelName{App: c.app.ID, Channel: e.Channel}
	one := s.by[name]
	if one == nil {
		if len(s.by) >= mostSummaries {
			told = s.remove(func(*summary) bool { return true })
		}
		if s.by == nil {
			s.by = make(map[protocol.ChannelName]*summary)
		}
		one = &summary{channel: name, since: now}
		s.by[name] = one
	}
	one.messages++
	one.bytes += int64(len(e.Data))
	one.last = *c.who
	if e.Append != nil && e.Append.Final != nil {
		delete(s.by, name)
		told = append(told, one)
	}
	return told
}

// take takes what is to be told.
func (s *summaries) take(which func(*summary) bool) []*summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(which)
}

// remove does so. The caller holds mu.
func (s *summaries) remove(which func(*summary) bool) (taken []*summary) {
	for name, one := range s.by {
		if which(one) {
			delete(s.by, name)
			taken = append(taken, one)
		}
	}
	return taken
}

func (a *API) noteSummaries(told []*summary) {
	for _, s := range told {
		channel := audit.Clean(s.channel.Channel)
		a.Auditor.Note(a.record(&s.last, s.channel.App, audit.ActionPublishSummary,
			audit.Entity{ID: channel, Type: "channel", Name: channel},
			audit.PublishSummary{Channel: channel, Messages: s.messages, Bytes: s.bytes}))
	}
}
