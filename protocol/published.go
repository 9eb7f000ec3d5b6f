package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ParsePublished parses what a backend publishes in Redis for one channel: an
// object, or an array of objects in the order of delivery,
//
//	{"event":"name","data":any,"socket_id":"1.2","user_id":"u1"}
//
// The last two may be absent or null; other members are ignored. Data that is not a
// string is delivered as its compact JSON text, absent data as "null".
// Names obey l, data obeys l.Data or [MaxRedisData], whichever is more.
//
// One bad element does not take the rest of an array with it: the good events
// are returned together with an error that tells of the bad ones.
func ParsePublished(payload []byte, channel string, l Limits) ([]Event, error) {
	payload, err := validPayload(payload)
	if err != nil {
		return nil, fmt.Errorf("parsing published message: %w", err)
	}
	if payload[0] == '[' {
		return parseArray(payload, channel, l)
	}
	e, err := parseEvent(payload, channel, l)
	if err != nil {
		return nil, fmt.Errorf("parsing published message: %w", err)
	}
	return []Event{e}, nil
}

// maxReported is how many bad elements of one array an error names.
const maxReported = 3

func parseArray(array []byte, channel string, l Limits) ([]Event, error) {
	var events []Event
	var errs []error
	n, bad := 0, 0
	for element := range elements(array) {
		e, err := parseEvent(element, channel, l)
		if err == nil {
			events = append(events, e)
		} else if bad++; bad <= maxReported {
			errs = append(errs, fmt.Errorf("parsing event %d of published array: %w", n, err))
		}
		n++
	}
	if bad > maxReported {
		errs = append(errs, fmt.Errorf("and %d more of %d events", bad-maxReported, n))
	}
	return events, errors.Join(errs...)
}

func parseEvent(obj []byte, channel string, l Limits) (Event, error) {
	v, _, err := readObject(obj, "event", "data", "socket_id", "user_id")
	if err != nil {
		return Event{}, err
	}
	e, err := newEvent(v[0], v[1], v[2])
	if err != nil {
		return Event{}, err
	}
	e.Channel = channel
	if e.UserID, err = optionalText("user_id", v[3]); err != nil {
		return Event{}, err
	}
	if err := e.Check(l.redis()); err != nil {
		return Event{}, err
	}
	return e, nil
}

// newEvent makes an event of the members that every contract over Redis has.
func newEvent(name, data, socketID json.RawMessage) (e Event, err error) {
	if e.Name, err = text("event", name); err != nil {
		return Event{}, err
	}
	if e.Exclude, err = optionalText("socket_id", socketID); err != nil {
		return Event{}, err
	}
	e.Data = dataString(data)
	return e, nil
}

// dataString returns the text of a string, the compact JSON of anything else.
func dataString(value json.RawMessage) string {
	switch {
	case value == nil:
		return "null"
	case value[0] == '"':
		return Unquote(value)
	}
	var b bytes.Buffer
	_ = json.Compact(&b, value) // cannot fail: the value is valid
	return b.String()
}

// validPayload returns payload from its first byte of JSON on, as valid UTF-8.
func validPayload(payload []byte) ([]byte, error) {
	if !utf8.Valid(payload) {
		payload = bytes.ToValidUTF8(payload, []byte("\uFFFD"))
	}
	if !json.Valid(payload) {
		return nil, errors.New("not JSON")
	}
	return skipSpace(payload), nil
}

// EncodePublished returns what [ParsePublished] parses: an object for one
// event, an array for any other number. Channel and Extra are not part of it.
func EncodePublished(events []Event) []byte {
	if len(events) == 1 {
		return appendPublished(nil, events[0])
	}
	b := []byte{'['}
	for i, e := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPublished(b, e)
	}
	return append(b, ']')
}

func appendPublished(b []byte, e Event) []byte {
	b = append(b, '{')
	b = appendMember(b, "event", e.Name)
	b = append(b, ',')
	b = appendMember(b, "data", e.Data)
	if e.Exclude != "" {
		b = append(b, ',')
		b = appendMember(b, "socket_id", e.Exclude)
	}
	if e.UserID != "" {
		b = append(b, ',')
		b = appendMember(b, "user_id", e.UserID)
	}
	return append(b, '}')
}

func appendMember(b []byte, name, value string) []byte {
	b = AppendQuoted(b, name)
	b = append(b, ':')
	return AppendQuoted(b, validUTF8(value))
}
