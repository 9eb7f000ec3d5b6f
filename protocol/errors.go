package protocol

import "fmt"

// Error is told to a client as a pusher:error event; the connection lives on.
type Error struct {
	Code     int    // 0 means that the client is told null
	Message  string // valid UTF-8; names from outside are clipped in it
	TooLarge bool   // the data is over its limit: a 413 where the HTTP API tells it
	// Cause says why in two words or three, for records of subscriptions and sign-ins that
	// were refused: the message may hold what came from outside, a signature even.
	Cause string
}

func (e *Error) because(cause string) *Error {
	e.Cause = cause
	return e
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Close ends a connection. The client is told by a pusher:error event and then
// by a close frame, both with the code and the reason: clients differ in which
// of the two they heed.
type Close struct {
	Code   int // a WebSocket close code; see the constructors
	Reason string
}

// Error returns the code and the reason.
func (c *Close) Error() string { return fmt.Sprintf("%d %s", c.Code, c.Reason) }

// Frame returns the pusher:error event that goes before [CloseFrame].
func (c *Close) Frame() Frame { return (&Error{Code: c.Code, Message: c.Reason}).Frame() }

// Farewell returns Frame and the close frame behind it: the last that the client gets.
func (c *Close) Farewell() []byte { return append(c.Frame(), CloseFrame(c.Code, c.Reason)...) }
