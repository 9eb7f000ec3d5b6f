package protocol

// Clients act on the range of a close code: 4000-4099 do not reconnect,
// 4100-4199 reconnect after a second, 4200-4299 reconnect at once. Only codes
// that Pusher documents are used: some clients reconnect after any other.

// ErrTLSOnly closes a connection that came without TLS.
func ErrTLSOnly() *Close {
	return &Close{4000, "Application only accepts SSL connections, reconnect using wss://"}
}

// ErrUnknownKey closes a connection to an app key that does not exist.
func ErrUnknownKey(key string) *Close {
	return &Close{4001, "App key " + clip(key) + " not in this cluster. Did you forget to specify the cluster?"}
}

// ErrKeyMayNotConnect closes a connection to an app key that is not for clients.
func ErrKeyMayNotConnect(key string) *Close {
	return &Close{4009, "App key " + clip(key) + " lacks the right to subscribe"}
}

// ErrKeyRevoked closes a connection that stood on a key which has been revoked. The client comes
// back at once, so it is done for one after another.
func ErrKeyRevoked() *Close {
	return &Close{4200, "A key is not valid any more, reconnect immediately"}
}

// ErrDecisionRevoked closes a connection that was let in by what was decided before, which the
// backend has taken back. The client comes back at once, and has to ask again.
func ErrDecisionRevoked() *Close {
	return &Close{4200, "Authorization was revoked, reconnect immediately"}
}

// ErrDecisionOutdated closes a connection whose client shows a decision that was taken back before
// it came with it.
func ErrDecisionOutdated() *Close { return &Close{4100, "Authorization was revoked, reconnect"} }

// ErrAppDisabled closes a connection to an app that is switched off.
func ErrAppDisabled() *Close { return &Close{4003, "Application disabled"} }

// ErrOverQuota closes a connection over the app's limit.
func ErrOverQuota() *Close { return &Close{4004, "Account over quota"} }

// ErrPathNotFound closes a connection to a path that is not /app/KEY.
func ErrPathNotFound() *Close { return &Close{4005, "Path not found"} }

// ErrInvalidVersion closes a connection whose protocol is not a number.
func ErrInvalidVersion() *Close { return &Close{4006, "Invalid version string format"} }

// ErrUnsupportedProtocol closes a connection of a protocol other than 4 to 7.
func ErrUnsupportedProtocol() *Close { return &Close{4007, "Unsupported protocol version"} }

// ErrNoProtocol closes a connection that names no protocol, where one is asked.
func ErrNoProtocol() *Close { return &Close{4008, "No protocol version supplied"} }

// ErrUnauthorized closes a connection that did not sign in or subscribe to a
// private channel in time.
func ErrUnauthorized() *Close { return &Close{4009, "Connection not authorized within timeout"} }

// ErrOrigin closes a connection from a page that the app does not expect.
func ErrOrigin() *Close { return &Close{4009, "Origin not allowed"} }

// ErrTerminated closes the connections of a user whom the backend wants off.
func ErrTerminated() *Close { return &Close{4009, "Connection terminated by the application"} }

// ErrOverCapacity closes a connection that is too much for the node; why says
// what about it.
func ErrOverCapacity(why string) *Close { return &Close{4100, "Over capacity: " + clip(why)} }

// ErrRestarting closes a connection to a node that goes away. The client comes
// back at once, so a node closes its connections one after another.
func ErrRestarting() *Close { return &Close{4200, "Server is restarting, reconnect immediately"} }

// ErrMessageLost closes a connection over HTTP that could not read what its client sent:
// the client does not look, and says it again once it has come back. That is not at once: where
// a proxy breaks all that is sent, it would come back without end.
func ErrMessageLost() *Close { return &Close{4100, "A message was lost, reconnect"} }

// ErrPongTimeout closes a connection that did not answer a ping.
func ErrPongTimeout() *Close { return &Close{4201, "Pong reply not received in time"} }

// ErrInactive closes a connection that was idle too long.
func ErrInactive() *Close { return &Close{4202, "Closed after inactivity"} }

// ErrMessageTooBig closes a connection whose message is over the limit
// (RFC 6455, 7.4.1).
func ErrMessageTooBig() *Close { return &Close{1009, "Message too big"} }

// ErrInvalidUTF8 closes a connection whose text message is not UTF-8
// (RFC 6455, 8.1).
func ErrInvalidUTF8() *Close { return &Close{1007, "Invalid UTF-8"} }
