package clientaddr_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"buildrelay/relay/clientaddr"
)

var proxies = clientaddr.Proxies{ // not changed
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32"),
}

func request(remote string, lines ...string) *http.Request {
	return &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": lines}}
}

func TestOnlyProxiesAreBelieved(t *testing.T) {
	tests := map[string]struct {
		remote string
		lines  []string
		want   string
	}{
		"nothing said":                       {"192.0.2.1:5", nil, "192.0.2.1"},
		"a client speaks for another":        {"192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1"},
		"a client names a proxy":             {"192.0.2.1:5", []string{"10.0.0.1"}, "192.0.2.1"},
		"a proxy says nothing":               {"10.0.0.1:5", nil, "10.0.0.1"},
		"a proxy speaks for a client":        {"10.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1"},
		"the client wrote one first":         {"10.0.0.1:5", []string{"198.51.100.7, 192.0.2.1"}, "192.0.2.1"},
		"the client wrote a line first":      {"10.0.0.1:5", []string{"198.51.100.7", "192.0.2.1"}, "192.0.2.1"},
		"a proxy behind a proxy":             {"10.0.0.1:5", []string{"198.51.100.7, 192.0.2.1,10.9.9.9"}, "192.0.2.1"},
		"a proxy behind a proxy, two lines":  {"10.0.0.1:5", []string{"198.51.100.7, 192.0.2.1", "10.9.9.9"}, "192.0.2.1"},
		"proxies all the way":                {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"no address":                         {"10.0.0.1:5", []string{"192.0.2.1, unknown"}, "10.0.0.1"},
		"no address before a proxy":          {"10.0.0.1:5", []string{"192.0.2.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		"an empty entry":                     {"10.0.0.1:5", []string{"192.0.2.1, , 10.0.0.2"}, "10.0.0.2"},
		"an empty line":                      {"10.0.0.1:5", []string{"192.0.2.1", ""}, "10.0.0.1"},
		"a tab":                              {"10.0.0.1:5", []string{"198.51.100.7,\t192.0.2.1 "}, "192.0.2.1"},
		"with a port":                        {"10.0.0.1:5", []string{"192.0.2.1:4711"}, "192.0.2.1"},
		"IPv6":                               {"[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		"IPv6 with brackets":                 {"[fd00::1]:5", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":                   {"[fd00::1]:5", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"half a bracket":                     {"[fd00::1]:5", []string{"[2001:db8::1"}, "fd00::1"},
		"IPv4 in brackets":                   {"[fd00::1]:5", []string{"[192.0.2.1]"}, "fd00::1"},
		"a zone":                             {"[fe80::1%eth0]:5", nil, "fe80::1"},
		"a zone in the header":               {"10.0.0.1:5", []string{"fe80::1%" + strings.Repeat("z", 99)}, "fe80::1"},
		"IPv4 as IPv6":                       {"[::ffff:192.0.2.1]:5", nil, "192.0.2.1"},
		"a proxy's IPv4 as IPv6":             {"[::ffff:10.0.0.1]:5", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
		"leading zeros":                      {"10.0.0.1:5", []string{"192.0.2.01"}, "10.0.0.1"},
		"a proxy on loopback":                {"127.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1"},
		"another loopback address, no proxy": {"127.0.0.2:5", []string{"192.0.2.1"}, "127.0.0.2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := proxies.Of(request(test.remote, test.lines...)); got.String() != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestWithoutProxiesNobodyIsBelieved(t *testing.T) {
	got := clientaddr.Proxies(nil).Of(request("127.0.0.1:5", "192.0.2.1"))
	if got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("got %v", got)
	}
}

func TestTheOtherEndMayHaveNoAddress(t *testing.T) {
	if got := proxies.Of(request("@", "192.0.2.1")); got.IsValid() {
		t.Errorf("got %v", got)
	}
}

func TestForwardedIsNotRead(t *testing.T) {
	r := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"Forwarded": {"for=192.0.2.1"}}}
	if got := proxies.Of(r); got != netip.MustParseAddr("10.0.0.1") {
		t.Errorf("got %v", got)
	}
}

// Whatever a client sends, a proxy appends the client's own address: that one is found.
func FuzzWhatAClientWritesChangesNothing(f *testing.F) {
	for _, line := range []string{"", ",", "10.0.0.1", "a, b", "[::1", "192.0.2.1:99999", "fe80::1%x,y", "\x00, 10.0.0.2"} {
		f.Add(line)
	}
	const client = "192.0.2.1"
	f.Fuzz(func(t *testing.T, line string) {
		for _, lines := range [][]string{{line, client}, {line + ", " + client}, {line + "," + client + ",10.0.0.2"}} {
			if got := proxies.Of(request("10.0.0.1:5", lines...)); got.String() != client {
				t.Errorf("%q: got %v", lines, got)
			}
		}
		if got := proxies.Of(request("10.0.0.1:5", line)); !got.IsValid() || got.Is4In6() || got.Zone() != "" {
			t.Errorf("%q: got %v", line, got)
		}
		if got := proxies.Of(request(client+":5", line)); got.String() != client {
			t.Errorf("%q: got %v", line, got)
		}
	})
}
