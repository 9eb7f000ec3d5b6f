// Package transport brings the core's frames to clients: over WebSockets, and over HTTP
// where those are blocked. To the core all of them are a [relay.Transport]. These are the rules of
// a session, which is a client without a WebSocket (protocol.md 6).
//
// What a fan-out worker hands over waits in the session, 64 KiB at most; then the worker waits, as
// for a slow WebSocket. A receive request is an ordinary handler of net/http that writes it
// out: keep-alive, chunks and old proxies are the library's business.
//
// Messages that wait together are one frame. A frame is taken, written and flushed as a whole; where
// that fails all of it goes back to the front, since half a frame says nothing to the client.
//
// A client leaves a response that is too long and asks for the next; what was written after that is
// lost to it. So the relay counts as the client does, in UTF-16 code units, and writes nothing after
// the frame that crosses the limit.
//
// The newest receive request has the session, and 15 s without one end it. One node has it; the
// others send its requests on, signed, and no further (see package registry).
package transport
