package api

import (
	"encoding/json"

	"buildrelay/protocol"
)

// maxEventID bounds, in bytes, a publisher's name for an event.
const maxEventID = 200

// appending is the part of a publication that says how it joins the logs of its
// channels. Channels without a log take notice of the id alone.
type appending struct {
	id    string
	begin bool
	epoch string
	final *protocol.Final // nil unless this is the last event
}

var errFinal = badRequest(`final must be true, or {"lines":N,"bytes":N} with whole numbers of at least 0`)

// read reads the members id, begin, epoch and final.
func (a *appending) read(v []json.RawMessage) error {
	id, err := optionalText("id", v[0])
	if err != nil {
		return err
	}
	if a.begin, err = optionalBool("begin", v[1]); err != nil {
		return err
	}
	epoch, err := optionalText("epoch", v[2])
	if err != nil {
		return err
	}
	if id != nil {
		a.id = *id
	}
	if epoch != nil {
		a.epoch = *epoch
	}
	a.final, err = readFinal(v[3])
	return err
}

// readFinal reads true, or what the publisher has counted.
func readFinal(value json.RawMessage) (*protocol.Final, error) {
	switch string(value) {
	case "":
		return nil, nil
	case "true":
		return &protocol.Final{}, nil
	}
	v, extra, err := protocol.ReadObject(value, "lines", "bytes")
	if err != nil || len(extra) > 0 {
		return nil, errFinal
	}
	counts := &protocol.Final{}
	for i, into := range []**int64{&counts.Lines, &counts.Bytes} {
		if v[i] == nil {
			continue
		}
		if err := json.Unmarshal(v[i], into); err != nil || negative(*into) {
			return nil, errFinal
		}
	}
	return counts, nil
}

func negative(n *int64) bool { return n != nil && *n < 0 }

// set makes e join the logs as a says.
func (a *appending) set(e *protocol.Event, channels int) error {
	switch {
	case len(a.id) > maxEventID:
		return badRequest("id must have at most %d bytes, not %d", maxEventID, len(a.id))
	case a.epoch != "" && !protocol.ValidEpoch(a.epoch):
		return badRequest("epoch must be 16 digits of 0-9 and a-f, as in a position")
	case a.epoch != "" && channels > 1:
		return badRequest("an epoch is that of one log: name one channel, not %d", channels)
	}
	e.ID = a.id
	if a.begin || a.epoch != "" || a.final != nil {
		e.Append = &protocol.Append{Begin: a.begin, Epoch: a.epoch, Final: a.final}
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
