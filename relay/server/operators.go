package server

import (
	"net"
	"net/netip"
	"strings"
)

// isHealth says that a path tells whether the node is well, which balancers and health checks
// ask that have no key. It is compared as a whole, so that nothing else passes for it.
func isHealth(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/ready" }

// isCounts says that a path tells numbers alone, which go beyond the machine as they always
// did where nobody has a key.
func isCounts(path string) bool { return path == "/metrics" || path == "/usage" }

// isPage says that a path is that of a page, to which pages of other sites may link.
func isPage(path string) bool { return path == "/audit" || path == "/audit/" }

// isLocal says that a Host header names this machine by a name that nobody can take over.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}
