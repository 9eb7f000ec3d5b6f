package protocol

import (
	"strconv"
	"time"
)

// EncodeEvent returns the frame that carries e, with the members event, data,
// channel, user_id (the last two unless empty), relay (the position, for an event
// of a log), sealed (true, where the log has it sealed) and e.Extra. The data string
// keeps its bytes; invalid UTF-8 becomes U+FFFD. Behind the event that closes a log the
// result holds a second frame, which says so. The frame of an event that cannot be read is
// the gap in its place.
//
// It runs once for every event, however many readers there are, and allocates
// the frame only.
func EncodeEvent(e Event) Frame {
	if e.Link != nil && e.Link.Unreadable {
		return e.Link.gapFrame(e.Channel)
	}
	e.Name, e.Data, e.Channel, e.UserID = validUTF8(e.Name), validUTF8(e.Data), validUTF8(e.Channel), validUTF8(e.UserID)

	f := newText(e.encodedLen())
	f = append(f, `{"event":`...)
	f = AppendQuoted(f, e.Name)
	f = append(f, `,"data":`...)
	f = AppendQuoted(f, e.Data)
	if e.Channel != "" {
		f = append(f, `,"channel":`...)
		f = AppendQuoted(f, e.Channel)
	}
	if e.UserID != "" {
		f = append(f, `,"user_id":`...)
		f = AppendQuoted(f, e.UserID)
	}
	if e.Link != nil {
		f = append(f, `,"relay":"`...)
		f = append(e.Link.At.append(f), '"')
		if e.Link.Sealed {
			f = append(f, sealedMember...)
		}
	}
	for _, m := range e.Extra {
		f = append(f, ',')
		f = AppendQuoted(f, m.Name)
		f = append(f, ':')
		f = append(f, m.Value...)
	}
	f = append(f, '}')
	if e.Link != nil && e.Link.Final != nil {
		f = append(f, e.Link.Final.Frame(e.Channel, e.Link.At)...)
	}
	return f
}

// sealedMember stands behind the position of an event that the log has sealed.
const sealedMember = `,"sealed":true`

// encodedLen returns the length of the payload that EncodeEvent writes.
func (e Event) encodedLen() int {
	n := len(`{"event":,"data":}`) + quotedLen(e.Name) + quotedLen(e.Data)
	if e.Channel != "" {
		n += len(`,"channel":`) + quotedLen(e.Channel)
	}
	if e.UserID != "" {
		n += len(`,"user_id":`) + quotedLen(e.UserID)
	}
	if e.Link != nil {
		var text [64]byte
		n += len(`,"relay":""`) + len(e.Link.At.append(text[:0]))
		if e.Link.Sealed {
			n += len(sealedMember)
		}
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
	data = AppendQuoted(data, socketID)
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
	p = AppendQuoted(p, validUTF8(e.Message))
	return Text(append(p, `}}`...))
}

// SubscriptionError returns the frame by which soketi tells a refused subscription. Clients
// hand it to those who listen on the channel, but do nothing with it themselves:
//
//	{"type":"AuthError","error":"…","status":401}
func SubscriptionError(channel string, why *Error) Frame {
	data := AppendQuoted([]byte(`{"type":"AuthError","error":`), validUTF8(why.Message))
	return EncodeEvent(Event{Name: "pusher:subscription_error", Channel: channel, Data: string(append(data, `,"status":401}`...))})
}
