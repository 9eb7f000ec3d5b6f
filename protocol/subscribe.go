package protocol

import "encoding/json"

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
	v, err := m.fields("channel", "auth", "channel_data")
	if err != nil {
		return Subscribe{}, invalidData(err)
	}
	var s Subscribe
	if s.Channel, err = text("channel", v[0]); err != nil {
		return Subscribe{}, invalidData(err)
	}
	if s.Auth, err = optionalText("auth", v[1]); err != nil {
		return Subscribe{}, invalidData(err)
	}
	if v[2] != nil {
		data, err := text("channel_data", v[2])
		if err != nil {
			return Subscribe{}, invalidData(err)
		}
		s.ChannelData = &data
	}
	return s, nil
}

// Unsubscribe reads the data of a pusher:unsubscribe message.
func (m Message) Unsubscribe() (channel string, _ *Error) {
	v, err := m.fields("channel")
	if err != nil {
		return "", invalidData(err)
	}
	if channel, err = text("channel", v[0]); err != nil {
		return "", invalidData(err)
	}
	return channel, nil
}

// fields reads the members called names from the message's data: an object, or
// a string that holds one.
func (m Message) fields(names ...string) ([]json.RawMessage, error) {
	data := []byte(m.Data)
	if len(data) > 0 && data[0] == '"' {
		data = []byte(unquote(data))
	}
	if !json.Valid(data) {
		return nil, errNotObject
	}
	v, _, err := readObject(data, names...)
	return v, err
}

func invalidData(err error) *Error { return ErrInvalidJSON("data: " + err.Error()) }
