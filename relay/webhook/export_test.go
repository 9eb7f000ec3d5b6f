package webhook

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
)

// SetTransport makes requests go another way.
func (s *Sender) SetTransport(transport http.RoundTripper) { s.shared.client.Transport = transport }

// SetResolver makes names mean what another resolver says.
func (s *Sender) SetResolver(resolver *net.Resolver) {
	s.shared.client = newClient(newGate(s.config.Networks), resolver)
}

// Trust makes the sender trust certificates by roots.
func (s *Sender) Trust(roots *x509.CertPool) {
	s.shared.client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
}

// Check is what decides whether webhooks may go to an address.
func Check(n Networks, to netip.AddrPort) error { return newGate(n).check(to) }

// CheckDial is what decides when a connection is made.
func CheckDial(n Networks, address string) error { return newGate(n).checkDial(address) }
