package webhook_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"buildrelay/relay/webhook"
)

func mustNetworks(t testing.TB, text string) webhook.Networks {
	t.Helper()
	networks, err := webhook.ParseNetworks(text)
	if err != nil {
		t.Fatal(err)
	}
	return networks
}

// Rows 87, 88 and 90 of docs/ATTACKS.md.
func TestWebhooksGoToPublicAddressesAlone(t *testing.T) {
	public := []string{
		"1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.0.1", "223.255.255.255",
		"2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
	}
	other := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.0.1",
		"168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
		"192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1",
		"64:ff9b::169.254.169.254", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::1",
		"2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fec0::1",
		"ff02::1", "ff0e::1",
	}
	for _, text := range public {
		for port, want := range map[uint16]bool{80: true, 443: true, 25: false, 6379: false, 8080: false, 0: false} {
			if err := webhook.Check(nil, netip.AddrPortFrom(netip.MustParseAddr(text), port)); (err == nil) != want {
				t.Errorf("%s, port %d: %v", text, port, err)
			}
		}
	}
	for _, text := range other {
		if err := webhook.Check(nil, netip.AddrPortFrom(netip.MustParseAddr(text), 443)); err == nil {
			t.Errorf("webhooks may go to %s", text)
		}
	}
	for _, text := range []string{"", "nothing", "1.1.1.1", ":443", "127.1:443", "localhost:443"} {
		if webhook.CheckDial(nil, text) == nil {
			t.Errorf("webhooks may go to %q", text)
		}
	}
}

// On any port, and nowhere else than what is named.
func TestNetworksCanBeAllowed(t *testing.T) {
	cases := []struct{ networks, allowed, refused string }{
		{"private", "10.1.2.3 172.16.0.1 192.168.0.1 fc00::1 fd00:ec1::1 fd00:ec3::1 fdff::1 ::ffff:10.0.0.1", "127.0.0.1 ::1 169.254.169.254 fd00:ec2::254 fd00:ec2:ffff::1 fe80::1 100.64.0.1 64:ff9b::a00:1"},
		{"loopback", "127.0.0.1 127.9.9.9 ::1 ::ffff:127.0.0.1", "10.0.0.1 0.0.0.0 :: 169.254.169.254"},
		{" private , loopback,", "10.1.2.3 127.0.0.1", "169.254.169.254"},
		{"10.1.2.3/16", "10.1.0.0 10.1.255.255", "10.2.0.0 10.0.255.255"},
		{"10.1.2.3, fd12::/48", "10.1.2.3 fd12::1", "10.1.2.4 fd12:0:1::"},
		{"100.64.0.0/10", "100.64.0.1", "10.0.0.1"},
		{"fd00:ec2::254", "fd00:ec2::254", "fd00:ec2::1"},
		{"", "", "10.0.0.1 127.0.0.1"},
	}
	for _, c := range cases {
		networks := mustNetworks(t, c.networks)
		for _, text := range strings.Fields(c.allowed) {
			if err := webhook.Check(networks, netip.AddrPortFrom(netip.MustParseAddr(text), 9999)); err != nil {
				t.Errorf("%q: %s: %v", c.networks, text, err)
			}
		}
		for _, text := range strings.Fields(c.refused) {
			if webhook.Check(networks, netip.AddrPortFrom(netip.MustParseAddr(text), 80)) == nil {
				t.Errorf("%q allows %s", c.networks, text)
			}
		}
	}
}

func TestAListOfNetworksThatIsWrongIsExplained(t *testing.T) {
	for _, text := range []string{
		"public", "Private", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/08", "127.1", "fe80::1%eth0", "fe80::%eth0/64", "::ffff:10.0.0.0/104",
		"private loopback", "http://10.0.0.1", "10.0.0.1:80", "localhost", "private;loopback",
	} {
		networks, err := webhook.ParseNetworks("10.1.0.0/16," + text)
		if err == nil {
			t.Errorf("%q is read as %v", text, networks)
			continue
		}
		for _, part := range []string{fmt.Sprintf("%q", text), "10.1.0.0/16", "private", "loopback"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %q does not say %s", text, err, part)
			}
		}
	}
}

// What is not public by the standard library's own words is never let through, however it
// is written; and what hides an address is as good as that.
func FuzzForbiddenAddress(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:a9fe:a9fe::", "fd00:ec2::254", "fe80::1"} {
		address := netip.MustParseAddr(text)
		f.Add(address.AsSlice(), uint16(443), text)
	}
	f.Fuzz(func(t *testing.T, bytes []byte, port uint16, text string) {
		_ = webhook.CheckDial(nil, text)
		address, ok := netip.AddrFromSlice(bytes)
		if !ok {
			return
		}
		allowed := webhook.Check(nil, netip.AddrPortFrom(address, port)) == nil
		if allowed && port != 80 && port != 443 {
			t.Errorf("port %d of %s", port, address)
		}
		plain := address.Unmap()
		if allowed && (!plain.IsGlobalUnicast() || plain.IsPrivate()) {
			t.Errorf("%s is allowed", address)
		}
		if !allowed || !plain.Is4() {
			return
		}
		v4 := plain.As4()
		if slices.Contains([]byte{0, 10, 127}, v4[0]) || v4[0] >= 224 || v4[0] == 169 && v4[1] == 254 || v4[0] == 100 && v4[1]&0xC0 == 64 {
			t.Errorf("%s is allowed", address)
		}
	})
}
