// Package loopback says what is on this machine: it may do without what protects others on
// the way.
package loopback

import "net"

// IsHost says whether a host, without a port, can only be this machine: localhost, or one of its
// own addresses, without brackets.
func IsHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
