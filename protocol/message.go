package protocol

import (
	"encoding/json"
	"unicode/utf8"
)

// Message is what a client sends.
type Message struct {
	Event      string // may be empty, and anything else
	Channel    string // of a client event; unchecked
	HasChannel bool
	Data       json.RawMessage // nil if absent or null; shares the memory of what was parsed
	HasData    bool            // data is there, even if it is null
}

// ParseMessage parses the payload of one message: a JSON object with an event
// and perhaps a channel, both strings, and data of any kind. Unknown members are
// ignored. A known member that comes twice, in another case or with the wrong
// type is an error, as is anything that is not UTF-8.
func ParseMessage(b []byte) (Message, *Error) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return Message{}, ErrInvalidJSON("")
	}
	v, _, err := readMembers(b, "event", "channel", "data")
	if err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	channel := unlessNull(v[1])
	m := Message{HasChannel: channel != nil, HasData: v[2] != nil, Data: unlessNull(v[2])}
	if m.Event, err = text("event", unlessNull(v[0])); err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	if m.Channel, err = optionalText("channel", channel); err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	return m, nil
}
