package protocol

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The texts are those of the hosted service where they are known: client
// libraries and test suites match on them.

// maxQuoted is how many bytes of a value from outside an error text repeats.
const maxQuoted = 200

// clip makes s fit for an error text: valid UTF-8, and at most maxQuoted bytes
// of it.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.ToValidUTF8(s[:cut], "\uFFFD") + "…"
}

func errorf(format string, values ...string) *Error {
	clipped := make([]any, len(values))
	for i, v := range values {
		clipped[i] = clip(v)
	}
	return &Error{Message: fmt.Sprintf(format, clipped...)}
}

// Messages that cannot be read.

// ErrInvalidJSON answers a message that is not one JSON object. why names what
// is wrong with it and may be empty.
func ErrInvalidJSON(why string) *Error {
	if why == "" {
		return errorf("Received invalid JSON")
	}
	return errorf("Received invalid JSON: %s", why)
}

// ErrUnsupportedEvent answers an event that clients have no business to send.
func ErrUnsupportedEvent(event string) *Error {
	return errorf("Unsupported event received on socket: %s", event)
}

// ErrInvalidClientEvent answers a client event without a channel or data.
func ErrInvalidClientEvent() *Error {
	return errorf("Invalid client event (must contain channel and data)")
}

// Names and sizes.

// ErrChannelName answers a channel name outside the grammar or over the limit.
func ErrChannelName(name string) *Error {
	return errorf("Invalid channel name '%s'", name).because("invalid name")
}

// ErrEventName answers an event name that may not be published; why completes
// the sentence "Invalid event name 'x': …".
func ErrEventName(name, why string) *Error {
	return errorf("Invalid event name '%s': %s", name, why)
}

// ErrDataTooLarge answers an event whose data is longer than limit bytes.
func ErrDataTooLarge(limit int) *Error {
	return &Error{
		Message:  fmt.Sprintf("The data content of this event exceeds the allowed maximum (%d bytes).", limit),
		TooLarge: true,
	}
}

// ErrSealedTooLarge answers an event that is too large for its log once it is sealed: its data
// may have limit bytes. The text is ours.
func ErrSealedTooLarge(limit int) *Error {
	return &Error{
		Message:  fmt.Sprintf("The data content of this event exceeds the allowed maximum of a log that is sealed (%d bytes).", limit),
		TooLarge: true,
	}
}

// ErrSealedID answers an event with an id that no sealed event can have. The text is ours.
func ErrSealedID() *Error {
	return errorf("Invalid event id: it has a byte 0, and the log is sealed")
}

// Subscriptions.

// ErrExistingSubscription answers a second subscription to a channel.
func ErrExistingSubscription(channel string) *Error {
	return errorf("Existing subscription to channel %s", channel).because("existing subscription")
}

// ErrNoSubscription answers an unsubscription from a channel never subscribed.
func ErrNoSubscription(channel string) *Error {
	return errorf("No current subscription to channel %s, or subscription in progress", channel)
}

// ErrAuthFormat answers auth that is missing or not "key:signature".
func ErrAuthFormat(channel string) *Error {
	return errorf("Auth value for subscription to %s is invalid: should be of format 'key:signature'", channel).because("no signature")
}

// ErrAuthKey answers auth made with a key that is not the app's.
func ErrAuthKey(key string) *Error {
	return errorf("Invalid key in subscription auth data: '%s'", key).because("unknown key")
}

// ErrKeyRight answers what was signed with a key that is not for this channel, or for no client.
// The text is ours.
func ErrKeyRight(key, channel string) *Error {
	return errorf("Key '%s' lacks the right to subscribe to %s", key, channel)
}

// ErrSignature answers a wrong signature. It repeats what had to be signed and
// what came, never the right signature.
func ErrSignature(signed, got string) *Error {
	return errorf("Invalid signature: Expected HMAC SHA256 hex digest of %s, but got %s", signed, got).because("wrong signature")
}

// ErrChannelRefused answers a subscription to a channel that the relay may not
// read in Redis. The text is ours.
func ErrChannelRefused(channel string) *Error {
	return errorf("Subscription to channel %s was refused by the server", channel).because("refused by Redis")
}

// ErrNotSignedIn answers a subscription to a user's channel on a connection
// that is not signed in as that user. The text is ours.
func ErrNotSignedIn(channel string) *Error {
	return errorf("Not authorized to subscribe to %s: not signed in as that user", channel).because("not signed in")
}

// ErrTooManyChannels answers a subscription to one channel more than a connection may have.
// The text is ours.
func ErrTooManyChannels(channel string, limit int) *Error {
	return errorf("Subscription to channel %s refused: a connection may have %s", channel, strconv.Itoa(limit)).because("too many channels")
}

// ErrUnrecorded answers a subscription that the audit trail has to have before it is granted,
// and could not be given. The text is ours, and so is the code.
func ErrUnrecorded(channel string) *Error {
	err := errorf("Subscription to channel %s refused: it could not be recorded in the audit trail, try again later", channel)
	err.Code = 4303
	return err.because("not recorded")
}

// Client events.

// ErrClientEventsOff answers a client event to an app that has them off.
func ErrClientEventsOff() *Error {
	return errorf("To send client events, you must enable this feature in the Settings page of your dashboard.")
}

// ErrClientEventKind answers a client event on a channel that takes none.
func ErrClientEventKind() *Error {
	return errorf("Client event rejected - only supported on private and presence channels")
}

// ErrClientEventNotSubscribed answers a client event on a channel that the
// connection does not read itself.
func ErrClientEventNotSubscribed(channel string) *Error {
	return errorf("Cannot broadcast client event (connection not subscribed to channel %s)", channel)
}

// ErrClientEventRate answers client events that come too fast.
func ErrClientEventRate() *Error {
	return &Error{Code: 4301, Message: "Client event rejected - rate limit exceeded"}
}

// ErrClientEventLost answers a client event that could not be published. The text is
// ours.
func ErrClientEventLost() *Error {
	return errorf("Client event rejected - it could not be published")
}

// Members and users. The texts are ours, but for the two that say so.

// ErrMemberData answers channel_data that describes no member; why completes the
// sentence "Invalid channel_data: …".
func ErrMemberData(why string) *Error {
	return errorf("Invalid channel_data: %s", why).because("invalid channel_data")
}

// ErrUserInfo answers channel_data whose user_info is not an object. The text is the
// hosted service's.
func ErrUserInfo() *Error {
	return errorf("user_info supplied to presence subscription is invalid - if supplied it must be a type of hash").because("invalid user_info")
}

// ErrNoMember answers a subscription to a presence channel that does not say who
// subscribes, on a connection that is not signed in either.
func ErrNoMember(channel string) *Error {
	return errorf("Subscription to %s needs channel_data with a user_id, or a user who has signed in", channel).because("no member")
}

// ErrMembersFull answers a subscription of one user too many.
func ErrMembersFull(channel string, limit int) *Error {
	return errorf("Subscription to %s refused: the channel has its maximum of %s members", channel, strconv.Itoa(limit)).because("channel full")
}

// ErrSigninFormat answers a sign-in whose auth is missing or not "key:signature". The
// text is the hosted service's.
func ErrSigninFormat() *Error {
	return errorf("Invalid format: auth must have the format key:signature").because("no signature")
}

// ErrUserData answers user_data that describes no user; why completes the sentence
// "Invalid user_data: …".
func ErrUserData(why string) *Error {
	return errorf("Invalid user_data: %s", why).because("invalid user_data")
}

// ErrOtherUser answers a sign-in as the user called id on a connection that is signed in
// as another one.
func ErrOtherUser(id string) *Error {
	return errorf("Cannot sign in as '%s': the connection is signed in as another user", id).because("another user")
}

// ErrWatchlist tells a user that the watchlist was cut; the sign-in holds.
func ErrWatchlist(limit int) *Error {
	return &Error{Code: 4302, Message: fmt.Sprintf("Watchlist limit exceeded: the first %d users are watched", limit)}
}
