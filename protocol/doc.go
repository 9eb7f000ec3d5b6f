// Package protocol is the wire format of Pusher Channels, protocol 7: channel
// kinds and names, the messages clients send, the frames they are sent, the
// error texts and close codes they know, and the shapes of what backends
// publish through Redis.
//
// The package is pure: bytes in, values out. It reads no clock, opens nothing
// and keeps no state. What comes in is taken as hostile: it is parsed strictly,
// and names that end up in an error text are clipped.
//
// The rules come from Pusher's public documentation (WebSocket protocol, HTTP
// API, channel naming conventions) and from what released client libraries
// accept; framing is RFC 6455.
package protocol
