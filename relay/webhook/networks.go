package webhook

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks are where webhooks may go, on any port, beyond public addresses.
type Networks []netip.Prefix

// ParseNetworks reads a list, separated by commas, of networks such as 10.1.0.0/16, of
// addresses, and of the words private and loopback. Private are the networks of RFC 1918
// and fc00::/7, without fd00:ec2::/32, where a cloud answers with its machines' secrets.
func ParseNetworks(text string) (Networks, error) {
	var networks Networks
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		found, err := parseNetwork(entry)
		if err != nil {
			return nil, err
		}
		networks = append(networks, found...)
	}
	return networks, nil
}

func parseNetwork(entry string) (Networks, error) {
	switch entry {
	case "private":
		return append(prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), uniqueLocal()...), nil
	case "loopback":
		return prefixes("127.0.0.0/8", "::1/128"), nil
	}
	if address, err := netip.ParseAddr(entry); err == nil && address.Zone() == "" {
		entry = netip.PrefixFrom(address, address.BitLen()).String()
	}
	prefix, err := netip.ParsePrefix(entry)
	if err != nil || prefix.Addr().Is4In6() {
		return nil, fmt.Errorf("%q is no network: write one such as 10.1.0.0/16 or fd12::/48, an address, or one of the words private and loopback", entry)
	}
	return Networks{prefix.Masked()}, nil
}

// contain says whether the address is of one of the networks.
func (n Networks) contain(address netip.Addr) bool {
	for _, prefix := range n {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// uniqueLocal is fc00::/7 without fd00:ec2::/32: each longer prefix of the latter, with its
// last bit turned over.
func uniqueLocal() Networks {
	except := netip.MustParsePrefix("fd00:ec2::/32")
	var networks Networks
	for bits := 8; bits <= except.Bits(); bits++ {
		bytes := except.Addr().As16()
		bytes[(bits-1)/8] ^= 0x80 >> ((bits - 1) % 8)
		networks = append(networks, netip.PrefixFrom(netip.AddrFrom16(bytes), bits).Masked())
	}
	return networks
}

func prefixes(texts ...string) Networks {
	networks := make(Networks, len(texts))
	for i, text := range texts {
		networks[i] = netip.MustParsePrefix(text)
	}
	return networks
}
