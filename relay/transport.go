package relay

// Transport carries bytes to one client. What it is given is made of whole
// WebSocket frames (see [protocol.Frame]); a transport that is no WebSocket says the
// same in its own way ([protocol.Frames]): messages, a ping, which asks the client for a
// sign of life, and a close.
//
// Send and Drop are called by the connection's worker only, never two at once.
type Transport interface {
	// Send takes all of p and never blocks; it does not keep p. It returns false
	// while the client has not taken everything: then nothing more is sent before
	// the transport has called [Conn.Sent]. A transport that failed takes
	// everything and drops it.
	Send(p []byte) bool
	// Drop ends the connection: the client gets a moment to take what was sent
	// and to close from its side, then its reader sees an error.
	Drop()
	// Cut ends the connection at once; its reader sees an error. Anybody may call it, and
	// it does not wait.
	Cut()
}
