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
	Data       json.RawMessage // nil if absent or null
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

// Subscribe is the data of a pusher:subscribe message. Nothing in it is checked
// but its types.
type Subscribe struct {
	Channel string
	Auth    string // "" if absent or null
	// ChannelData is nil if absent or null. A signature covers it exactly when
	// it is there, even if it is empty.
	ChannelData *string
}

// Subscribe reads the data of a pusher:subscribe message.
func (m Message) Subscribe() (Subscribe, *Error) {
	v, perr := m.fields("channel", "auth", "channel_data")
	if perr != nil {
		return Subscribe{}, perr
	}
	var s Subscribe
	var err error
	if s.Channel, err = text("channel", v[0]); err != nil {
		return Subscribe{}, ErrInvalidJSON(err.Error())
	}
	if s.Auth, err = optionalText("auth", v[1]); err != nil {
		return Subscribe{}, ErrInvalidJSON(err.Error())
	}
	if v[2] == nil {
		return s, nil
	}
	data, err := text("channel_data", v[2])
	if err != nil {
		return Subscribe{}, ErrInvalidJSON(err.Error())
	}
	s.ChannelData = &data
	return s, nil
}

// Unsubscribe reads the data of a pusher:unsubscribe message.
func (m Message) Unsubscribe() (channel string, _ *Error) {
	v, perr := m.fields("channel")
	if perr != nil {
		return "", perr
	}
	channel, err := text("channel", v[0])
	if err != nil {
		return "", ErrInvalidJSON(err.Error())
	}
	return channel, nil
}

// fields reads the members called names from the message's data: an object, or
// a string that holds one.
func (m Message) fields(names ...string) ([]json.RawMessage, *Error) {
	data := []byte(m.Data)
	if len(data) > 0 && data[0] == '"' {
		data = []byte(unquote(data))
	}
	if !json.Valid(data) {
		return nil, ErrInvalidJSON("data must be an object")
	}
	v, _, err := readObject(data, names...)
	if err != nil {
		return nil, ErrInvalidJSON("data: " + err.Error())
	}
	return v, nil
}
