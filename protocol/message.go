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
}

// ParseMessage parses the payload of one message: a JSON object with an event
// and perhaps a channel, both strings, and data of any kind. Unknown members are
// ignored. A known member that comes twice, in another case or with the wrong
// type is an error, as is anything that is not UTF-8.
func ParseMessage(b []byte) (Message, *Error) {
	if !utf8.Valid(b) || !json.Valid(b) {
		return Message{}, ErrInvalidJSON("")
	}
	v, _, err := readObject(b, "event", "channel", "data")
	if err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	m := Message{HasChannel: v[1] != nil, Data: v[2]}
	if m.Event, err = text("event", v[0]); err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	if m.Channel, err = optionalText("channel", v[1]); err != nil {
		return Message{}, ErrInvalidJSON(err.Error())
	}
	return m, nil
}
