// Package auth knows the apps and their keys, and makes and checks every
// signature of Pusher Channels: of a subscription and of an HTTP API request.
//
// The package is pure; the time is an argument. The rules come from Pusher's
// public documentation ("Auth signatures", "HTTP API: authentication") and from
// what released server libraries send. Signatures are compared in constant time.
package auth
