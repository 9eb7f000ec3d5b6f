package clientaddr_test

import (
	"net/netip"
	"testing"

	"buildrelay/relay/clientaddr"
)

func TestAddressesOfOneCustomerAreOneGroup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, want string }{
		{"192.0.2.7", "192.0.2.7/32"},
		{"::ffff:192.0.2.7", "192.0.2.7/32"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"2001:db8:1:3::1", "2001:db8:1:3::/64"},
	} {
		if got := clientaddr.Group(netip.MustParseAddr(c.address)); got.String() != c.want {
			t.Errorf("%s is of %s, want %s", c.address, got, c.want)
		}
	}
	if got := clientaddr.Group(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address is of %s", got)
	}
}
