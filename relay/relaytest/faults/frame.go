package faults

import (
	"encoding/json"
	"strings"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

// frame is a message from the relay, as a client reads it.
type frame struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
	Relay   string          `json:"relay"`
}

func parseFrame(message []byte) (frame, error) {
	var f frame
	err := json.Unmarshal(message, &f)
	return f, err
}

// text is the data, which is a string in all that Pusher's protocol sends on a
// channel.
func (f frame) text() string {
	var s string
	if json.Unmarshal(f.Data, &s) != nil {
		return string(f.Data)
	}
	return s
}

// sight is what the frame shows to a reader of its channel. A frame that does not
// say what it should is [checker.Other].
func (f frame) sight() checker.Sight {
	s := checker.Sight{Kind: checker.Other, Data: f.Event + " " + f.text()}
	if f.Relay != "" {
		at, err := protocol.ParsePosition(f.Relay)
		if err != nil {
			return s
		}
		s.At = at
	}
	// On encrypted channels, where a client takes all but Pusher's own for encrypted,
	// notices have other names.
	prefix := "relay:"
	if protocol.KindOf(f.Channel).Encrypted() {
		prefix = "pusher:relay_"
	}
	notice, isNotice := strings.CutPrefix(f.Event, prefix)
	switch {
	case f.Event == "pusher_internal:subscription_succeeded" && f.text() == "{}":
		s.Kind = checker.Subscribed
	case f.Event == lineEvent:
		s.Kind, s.Data = checker.Entry, f.text()
	case isNotice:
		f.notice(&s, notice)
	}
	return s
}

// notice reads the relay's own events.
func (f frame) notice(s *checker.Sight, name string) {
	var data struct {
		Channel  string  `json:"channel"`
		Position string  `json:"position"`
		Reason   string  `json:"reason"`
		From     string  `json:"from"`
		ResumeAt *string `json:"resume_at"`
		Missing  *int64  `json:"missing"`
		Reset    bool    `json:"reset"`
		protocol.Final
	}
	if json.Unmarshal([]byte(f.text()), &data) != nil || data.Channel != f.Channel {
		return
	}
	switch name {
	case "stale":
		s.Kind = checker.Stale
	case "fresh":
		s.Kind = checker.Fresh
	case "position":
		if data.Position == f.Relay {
			s.Kind = checker.Position
		}
	case "final":
		if data.Position == f.Relay {
			s.Kind, s.Final = checker.FinalTold, &data.Final
		}
	case "gap":
		s.Kind = checker.GapTold
		g := &protocol.Gap{Reason: protocol.GapReason(data.Reason), After: s.At, Missing: -1, Reset: data.Reset}
		from, err := protocol.ParsePosition(data.From)
		if err != nil {
			return // the checker takes a gap that is nil for one that cannot be read
		}
		g.From = from
		if data.ResumeAt != nil {
			if g.ResumeAt, err = protocol.ParsePosition(*data.ResumeAt); err != nil {
				return
			}
		}
		if data.Missing != nil {
			g.Missing = *data.Missing
		}
		s.Gap = g
	}
}
