package main

import (
	"fmt"
	"net/netip"
	"strings"
)

// Switch is a setting that is on or off.
type Switch bool

// UnmarshalText reads "on" or "off".
func (s *Switch) UnmarshalText(text []byte) error {
	switch string(text) {
	case "on":
		*s = true
	case "off":
		*s = false
	default:
		return fmt.Errorf("%q is neither on nor off", text)
	}
	return nil
}

// SlangerMode is the setting for Slanger's Redis contract.
type SlangerMode string

// UnmarshalText reads "off", "on" or "any".
func (m *SlangerMode) UnmarshalText(text []byte) error {
	switch mode := SlangerMode(text); mode {
	case "off", "on", "any":
		*m = mode
		return nil
	default:
		return fmt.Errorf("%q is none of off, on and any", text)
	}
}

// AuthMode is the setting for who answers clients that ask for signatures.
type AuthMode string

// UnmarshalText reads "off", "forward", "oidc", "github" or "gitlab".
func (m *AuthMode) UnmarshalText(text []byte) error {
	switch mode := AuthMode(text); mode {
	case "off", "forward", "oidc", "github", "gitlab":
		*m = mode
		return nil
	default:
		return fmt.Errorf("%q is none of off, forward, oidc, github and gitlab", text)
	}
}

// on says whether anybody is signed for.
func (m AuthMode) on() bool { return m != "" && m != "off" }

// AuditMode is the setting for how the audit trail is kept.
type AuditMode string

// UnmarshalText reads "off", "spooled" or "strict".
func (m *AuditMode) UnmarshalText(text []byte) error {
	switch mode := AuditMode(text); mode {
	case "off", "spooled", "strict":
		*m = mode
		return nil
	default:
		return fmt.Errorf("%q is none of off, spooled and strict", text)
	}
}

// Networks is a setting that lists networks and addresses.
type Networks []netip.Prefix

// UnmarshalText reads networks such as 10.0.0.0/8, and addresses, with commas between them.
func (n *Networks) UnmarshalText(text []byte) error {
	*n = nil
	for entry := range strings.SplitSeq(string(text), ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		network, err := netip.ParsePrefix(entry)
		if address, alone := netip.ParseAddr(entry); alone == nil && address.Zone() == "" {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil || network.Addr().Is4In6() {
			return fmt.Errorf("%q is no network such as 10.0.0.0/8 or fd12::/48, and no address", entry)
		}
		*n = append(*n, network.Masked())
	}
	return nil
}
