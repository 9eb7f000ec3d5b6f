package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Subscribe is the data of a pusher:subscribe message. Nothing in it is checked
// but its types.
type Subscribe struct {
	Channel string
	Auth    string // "" if absent or null
	// ChannelData is nil if absent or null. A signature covers it exactly when
	// it is there, even if it is empty.
	ChannelData *string
	// Start is where the client wants a log channel to start; nil where it leaves that
	// to the rule, or said it in a way that StartError tells about.
	Start      *Start
	StartError *Error
	// TellPosition says that the client wants to be told its position.
	TellPosition bool
}

// Subscribe reads the data of a pusher:subscribe message.
func (m Message) Subscribe() (Subscribe, *Error) {
	v, err := m.fields("channel", "auth", "channel_data", "since", "rewind")
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
	if s.Start, err = parseStart(v[3], v[4]); err != nil {
		s.StartError = invalidData(err)
	} else {
		s.TellPosition = v[3] != nil || v[4] != nil
	}
	return s, nil
}

// parseStart reads "since", a position, and "rewind": {"count":N}, {"bytes":N},
// {"from":"start"} or {"from":"rule"}, which is nil as is none of both. Since goes
// before.
func parseStart(since, rewind json.RawMessage) (*Start, error) {
	switch {
	case since != nil:
		position, err := text("since", since)
		if err != nil {
			return nil, err
		}
		at, err := ParsePosition(position)
		if err != nil {
			return nil, fmt.Errorf("since: %w", err)
		}
		return &Start{Kind: StartSince, Since: at}, nil
	case rewind != nil:
		return parseRewind(rewind)
	default:
		return nil, nil
	}
}

var errRewind = errors.New(`rewind must be {"count":N}, {"bytes":N}, {"from":"start"} or {"from":"rule"}, with N a whole number of at least 1`)

func parseRewind(rewind json.RawMessage) (*Start, error) {
	v, _, err := readObject(rewind, "count", "bytes", "from")
	if err != nil {
		return nil, errRewind
	}
	var start *Start
	given := 0
	for i, kind := range []StartKind{StartCount, StartBytes} {
		if v[i] != nil {
			n, err := strconv.ParseInt(string(v[i]), 10, 64)
			if err != nil || n < 1 {
				return nil, errRewind
			}
			start = &Start{Kind: kind, N: n}
			given++
		}
	}
	switch string(v[2]) {
	case "":
	case `"start"`:
		start = &Start{Kind: StartFirst}
		given++
	case `"rule"`:
		given++
	default:
		return nil, errRewind
	}
	if given != 1 {
		return nil, errRewind
	}
	return start, nil
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
		data = []byte(Unquote(data))
	}
	if !json.Valid(data) {
		return nil, errNotObject
	}
	v, _, err := readObject(data, names...)
	return v, err
}

func invalidData(err error) *Error { return ErrInvalidJSON("data: " + err.Error()) }
