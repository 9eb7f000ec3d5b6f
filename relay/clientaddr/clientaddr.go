// Package clientaddr finds out which address a request came from, through the proxies
// that stand before the relay.
package clientaddr

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses that are believed when they say for whom they speak, in
// X-Forwarded-For. The header Forwarded (RFC 7239) is not read. Nil believes nobody.
type Proxies []netip.Prefix

// Of returns the address of whoever sent the request: the other end of the connection
// or, where that is one of the proxies, the last address in X-Forwarded-For that is none
// of them: what stands before it anybody may have written. An IPv4 address in the guise
// of an IPv6 one is returned as IPv4, and no address has a zone. The zero Addr is
// returned where the other end has no address, as in some tests.
func (p Proxies) Of(r *http.Request) netip.Addr {
	peer, ok := parse(r.RemoteAddr)
	if !ok || !p.trust(peer) {
		return peer
	}
	return p.forwarded(r.Header.Values("X-Forwarded-For"), peer)
}

// forwarded goes through the lines of a header from the end. What is no address ends the
// way: the last address before it is returned, which is a proxy's.
func (p Proxies) forwarded(lines []string, proxy netip.Addr) netip.Addr {
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var entry string
			rest, entry, more = cutLast(rest)
			address, ok := parse(strings.Trim(entry, " \t"))
			switch {
			case !ok:
				return proxy
			case !p.trust(address):
				return address
			}
			proxy = address
		}
	}
	return proxy
}

// Group is what counts as one address where addresses have limits: of IPv6 a /64, which one
// customer has at the least. It is the zero Prefix for the zero Addr.
func Group(address netip.Addr) netip.Prefix {
	address = address.Unmap()
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	group, _ := address.Prefix(bits) // fails for the zero Addr alone
	return group
}

func (p Proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// cutLast cuts the last entry off a list; more says that others stand before it.
func cutLast(list string) (before, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parse reads an address with or without a port.
func parse(s string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(s)
	if err != nil {
		if strings.HasSuffix(s, "]") { // IPv6 in brackets, as before a port
			s += ":0"
		}
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(s)
		address = with.Addr()
	}
	return address.Unmap().WithZone(""), err == nil
}
