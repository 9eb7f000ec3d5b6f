package protocol

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Event is one event on its way to the readers of one channel.
type Event struct {
	Name    string
	Channel string // "" for events that belong to the connection
	Data    string // reaches the client byte for byte; usually, not always, JSON
	UserID  string // sender of a client event on a presence channel, else ""
	Exclude string // socket id of the connection that must not get it, or ""
	// ID, where not empty, is the publisher's name for the event on its channel: published
	// again under it within minutes, the event is delivered, and stands in a log, once.
	ID string
	// Append says how it joins the log; nil asks for nothing special.
	Append *Append
	// Link is its place in the log that it was read from, else nil.
	Link *Link
	// Change, where not nil, makes this no event but a step of the channel's roll; of the
	// other fields only Channel is set.
	Change *Change
	// Cached, where not nil, makes this the last event of a cache channel as it is kept at
	// this point among those that are heard; of the other fields only Channel is set.
	Cached *Cached
	// Extra are further top-level members that reach the client after the
	// others, in this order (Slanger's contract).
	Extra []Field
}

// Field is one member of a JSON object.
type Field struct {
	Name  string
	Value json.RawMessage // valid JSON in valid UTF-8
}

// Check returns an error unless e may be published within l: a name of 1 to
// l.EventName characters that is not reserved, data of at most l.Data bytes,
// a UserID of at most [MaxUserID] characters, and an Exclude that is empty or a
// socket id. Oversize data sets [Error.TooLarge]. The channel has a check of its
// own, [CheckChannel].
func (e Event) Check(l Limits) *Error {
	switch {
	case e.Name == "":
		return ErrEventName(e.Name, "it is empty")
	case utf8.RuneCountInString(e.Name) > l.EventName:
		return ErrEventName(e.Name, "it is too long")
	case Reserved(e.Name):
		return ErrEventName(e.Name, "its prefix is reserved")
	case len(e.Data) > l.Data:
		return ErrDataTooLarge(l.Data)
	case utf8.RuneCountInString(e.UserID) > MaxUserID:
		return errorf("Invalid user_id '%s'", e.UserID)
	case e.Exclude == "":
		return nil
	}
	if err := CheckSocketID(e.Exclude); err != nil {
		return &Error{Message: err.Error()}
	}
	return nil
}

// Reserved reports whether only the relay itself may send events of this name.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "pusher:") ||
		strings.HasPrefix(name, "pusher_internal:") ||
		strings.HasPrefix(name, "relay:")
}
