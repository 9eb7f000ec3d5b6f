package webhook

import "net/netip"

// forbidden is why a webhook's request was not made. It may be logged.
type forbidden string

func (f forbidden) Error() string { return string(f) }

// gate decides which addresses webhooks may go to. Who may set a webhook, and whoever a
// name in its URL belongs to, must not reach what only this machine can reach.
type gate struct {
	networks Networks
	special  Networks // addresses that look public and are not
}

func newGate(networks Networks) *gate {
	return &gate{networks: networks, special: prefixes(
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"168.63.129.16/32", // a cloud's machines reach their host by it
		"2001::/23", "2001:db8::/32", "3fff::/20",
	)}
}

// check returns a [forbidden] error unless webhooks may go to the address.
func (g *gate) check(to netip.AddrPort) error {
	address := to.Addr().Unmap().WithZone("")
	switch {
	case g.networks.contain(address):
		return nil
	case !g.public(address):
		return forbidden("the address is not public")
	case to.Port() != 80 && to.Port() != 443:
		return forbidden("the port is neither 80 nor 443")
	}
	return nil
}

func (g *gate) public(address netip.Addr) bool {
	if hidden, ok := hidden(address); ok {
		address = hidden
	}
	if address.Is6() && !netip.MustParsePrefix("2000::/3").Contains(address) {
		return false
	}
	return address.IsValid() && !g.special.contain(address)
}

// hidden returns the IPv4 address that a gateway would make of one of NAT64 or 6to4.
func hidden(address netip.Addr) (hidden netip.Addr, ok bool) {
	bytes := address.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(address):
		return netip.AddrFrom4([4]byte(bytes[12:])), true
	case netip.MustParsePrefix("2002::/16").Contains(address):
		return netip.AddrFrom4([4]byte(bytes[2:])), true
	}
	return netip.Addr{}, false
}
