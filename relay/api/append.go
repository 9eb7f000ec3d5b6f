package api

import (
	"bytes"
	"encoding/json"
	"errors"

	"buildrelay/protocol"
)

// maxEventID bounds, in bytes, a publisher's name for an event.
const maxEventID = 200

// appending is the part of a publication that says how it joins the logs of its
// channels. Channels without a log take no notice of it.
type appending struct {
	ID    string `json:"id"`
	Begin bool   `json:"begin"`
	Epoch string `json:"epoch"`
	Final *final `json:"final"`
}

// final is true, or what the publisher has counted.
type final struct{ counts protocol.Final }

var errFinal = errors.New(`final must be true, or {"lines":N,"bytes":N} with whole numbers of at least 0`)

// UnmarshalJSON reads either.
func (f *final) UnmarshalJSON(text []byte) error {
	if string(text) == "true" {
		return nil
	}
	var counts struct {
		Lines *int64 `json:"lines"`
		Bytes *int64 `json:"bytes"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&counts); err != nil || negative(counts.Lines) || negative(counts.Bytes) {
		return errFinal
	}
	f.counts = protocol.Final{Lines: counts.Lines, Bytes: counts.Bytes}
	return nil
}

func negative(n *int64) bool { return n != nil && *n < 0 }

// set makes e join the logs as a says.
func (a *appending) set(e *protocol.Event, channels int) error {
	switch {
	case len(a.ID) > maxEventID:
		return badRequest("id must have at most %d bytes, not %d", maxEventID, len(a.ID))
	case a.Epoch != "" && !protocol.ValidEpoch(a.Epoch):
		return badRequest("epoch must be 16 digits of 0-9 and a-f, as in a position")
	case a.Epoch != "" && channels > 1:
		return badRequest("an epoch is that of one log: name one channel, not %d", channels)
	}
	e.ID = a.ID
	if a.Begin || a.Epoch != "" || a.Final != nil {
		e.Append = &protocol.Append{Begin: a.Begin, Epoch: a.Epoch}
	}
	if a.Final != nil {
		counts := a.Final.counts
		e.Append.Final = &counts
	}
	return nil
}

// receipt is what is answered where an event has joined a log.
type receipt struct {
	// Positions are those of the events; "0:0-0" on a channel without a log.
	Positions []string `json:"positions"`
	// Watched says that somebody reads one of the logs.
	Watched bool `json:"watched"`
}

// newReceipt returns nil where no event has joined a log.
func newReceipt(r protocol.Receipt) *receipt {
	positions := make([]string, len(r.Positions))
	logs := false
	for i, at := range r.Positions {
		positions[i] = at.String()
		logs = logs || at != protocol.Position{}
	}
	if !logs {
		return nil
	}
	return &receipt{positions, r.Watched}
}
