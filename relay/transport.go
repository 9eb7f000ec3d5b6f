package relay

// Transport carries bytes to one client. What it is given is made of whole
// WebSocket frames (see [protocol.Frame]); another kind of transport takes their
// payloads.
//
// Send and Drop are called by the connection's worker only, never two at once.
type Transport interface {
	// Send takes all of p and never blocks; it does not keep p. It returns false
	// while the client has not taken everything: then nothing more is sent before
	// the transport has called [Conn.Sent]. A transport that failed takes
	// everything and drops it.
	Send(p []byte) bool
	// Probe returns what asks the client for a sign of life.
	Probe() []byte
	// Farewell returns what tells the client that the connection ends.
	Farewell(code int, reason string) []byte
	// Drop ends the connection: the client gets a moment to take what was sent
	// and to close from its side, then its reader sees an error.
	Drop()
}
