package protocol

import (
	"strconv"
	"time"
)

// EncodeEvent returns the frame that carries e, with the members event, data,
// channel, user_id (the last two unless empty) and e.Extra. The data string
// keeps its bytes; invalid UTF-8 becomes U+FFFD.
//
// It runs once for every event, however many readers there are, and allocates
// the frame only.
func EncodeEvent(e Event) Frame {
	e.Name, e.Data, e.Channel, e.UserID = validUTF8(e.Name), validUTF8(e.Data), validUTF8(e.Channel), validUTF8(e.UserID)

	f := newText(e.encodedLen())
	f = append(f, `{"event":`...)
	f = appendQuoted(f, e.Name)
	f = append(f, `,"data":`...)
	f = appendQuoted(f, e.Data)
	if e.Channel != "" {
		f = append(f, `,"channel":`...)
		f = appendQuoted(f, e.Channel)
	}
	if e.UserID != "" {
		f = append(f, `,"user_id":`...)
		f = appendQuoted(f, e.UserID)
	}
	for _, m := range e.Extra {
		f = append(f, ',')
		f = appendQuoted(f, m.Name)
		f = append(f, ':')
		f = append(f, m.Value...)
	}
	return append(f, '}')
}

// encodedLen returns the length of the payload that EncodeEvent writes.
func (e Event) encodedLen() int {
	n := len(`{"event":,"data":}`) + quotedLen(e.Name) + quotedLen(e.Data)
	if e.Channel != "" {
		n += len(`,"channel":`) + quotedLen(e.Channel)
	}
	if e.UserID != "" {
		n += len(`,"user_id":`) + quotedLen(e.UserID)
	}
	for _, m := range e.Extra {
		n += len(`,:`) + quotedLen(m.Name) + len(m.Value)
	}
	return n
}

// Established returns the first frame of every connection. Clients are asked to
// ping after activityTimeout of silence; it is told in whole seconds and at
// least 1, because pusher-js never connects when it is 0.
func Established(socketID string, activityTimeout time.Duration) Frame {
	data := append([]byte(nil), `{"socket_id":`...)
	data = appendQuoted(data, socketID)
	data = append(data, `,"activity_timeout":`...)
	data = strconv.AppendInt(data, max(1, int64(activityTimeout/time.Second)), 10)
	data = append(data, '}')
	return EncodeEvent(Event{Name: "pusher:connection_established", Data: string(data)})
}

// Succeeded returns the frame that confirms a subscription to a channel without
// members. Its data is exactly "{}": some clients try to decrypt anything else.
func Succeeded(channel string) Frame {
	return EncodeEvent(Event{Name: "pusher_internal:subscription_succeeded", Channel: channel, Data: "{}"})
}

// Pong returns the answer to a pusher:ping event.
func Pong() Frame {
	return EncodeEvent(Event{Name: "pusher:pong", Data: "{}"})
}

// Frame returns e as a pusher:error event. Alone among events its data is an
// object, {"code":N or null,"message":"…"}: some clients read nothing else.
func (e *Error) Frame() Frame {
	p := append([]byte(nil), `{"event":"pusher:error","data":{"code":`...)
	if e.Code == 0 {
		p = append(p, `null`...)
	} else {
		p = strconv.AppendInt(p, int64(e.Code), 10)
	}
	p = append(p, `,"message":`...)
	p = appendQuoted(p, validUTF8(e.Message))
	return Text(append(p, `}}`...))
}

// Lost returns the frame that tells a reader of a channel that count events did
// not reach it; a negative count is unknown and told as null. The event is
// named relay:lost, except on encrypted channels, where clients would try to
// decrypt it: there it is pusher:relay_lost. Its data is
// {"channel":"…","count":N or null}.
func Lost(channel string, count int64) Frame {
	data := append([]byte(nil), `{"channel":`...)
	data = appendQuoted(data, validUTF8(channel))
	data = append(data, `,"count":`...)
	if count < 0 {
		data = append(data, `null`...)
	} else {
		data = strconv.AppendInt(data, count, 10)
	}
	data = append(data, '}')
	name := "relay:lost"
	if KindOf(channel).Encrypted() {
		name = "pusher:relay_lost"
	}
	return EncodeEvent(Event{Name: name, Channel: channel, Data: string(data)})
}
