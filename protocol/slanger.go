package protocol

import (
	"fmt"
	"slices"
)

// positionMember is the top-level member in which the relay tells the position
// of an event in its log. Nobody else may.
const positionMember = "relay"

// ParseSlanger parses what Slanger, or a backend written for it, publishes in
// Redis under the bare name of a Pusher channel:
//
//	{"event":"name","data":any,"channel":"a","socket_id":"1.2"}
//
// Event and channel are required. Further members reach the client in their
// order ([Event.Extra]), except "relay". As in [ParsePublished], data that is
// not a string is delivered as its JSON text; data and further members together
// may be as large as [MaxRedisData]. Whether the channel is one the message may name is for the
// caller to say.
func ParseSlanger(payload []byte) (Event, error) {
	e, err := parseSlanger(payload)
	if err != nil {
		return Event{}, fmt.Errorf("parsing Slanger message: %w", err)
	}
	return e, nil
}

func parseSlanger(payload []byte) (Event, error) {
	payload, err := validPayload(payload)
	if err != nil {
		return Event{}, err
	}
	v, extra, err := readObject(payload, "event", "data", "socket_id", "channel")
	if err != nil {
		return Event{}, err
	}
	e, err := newEvent(v[0], v[1], v[2])
	if err != nil {
		return Event{}, err
	}
	if e.Channel, err = text("channel", v[3]); err != nil {
		return Event{}, err
	}
	e.Extra = slices.DeleteFunc(extra, func(f Field) bool { return f.Name == positionMember })
	return e, checkSlanger(e)
}

func checkSlanger(e Event) error {
	// The length is the app's to limit: a name over it has no readers.
	if err := CheckChannel(e.Channel, len(e.Channel)); err != nil {
		return err
	}
	if err := e.Check(DefaultLimits().redis()); err != nil {
		return err
	}
	size := len(e.Data)
	for _, m := range e.Extra {
		size += len(m.Name) + len(m.Value)
	}
	if size > MaxRedisData {
		return ErrDataTooLarge(MaxRedisData)
	}
	return nil
}

// EncodeSlanger returns e as Slanger publishes it, with its keys in their
// order, and UserID behind them, which reaches the clients as further members do.
// Extra is not part of it.
func EncodeSlanger(e Event) []byte {
	b := appendMember([]byte{'{'}, "event", e.Name)
	b = appendMember(append(b, ','), "data", e.Data)
	b = appendMember(append(b, ','), "channel", e.Channel)
	if e.Exclude != "" {
		b = appendMember(append(b, ','), "socket_id", e.Exclude)
	}
	if e.UserID != "" {
		b = appendMember(append(b, ','), "user_id", e.UserID)
	}
	return append(b, '}')
}
