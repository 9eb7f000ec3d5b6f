// Package acme has certificates from an ACME server (RFC 8555), which finds out by a handshake
// with the listener itself whether a host is ours (tls-alpn-01, RFC 8737). No handshake of a
// client waits for that server.
package acme
