package acme

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Get is a server's [tls.Config.GetCertificate]. It waits for nobody. Who names no host, or an
// address, is shown the first host's certificate; who names another is refused.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if host == "" || net.ParseIP(host) != nil {
		host = c.config.Hosts[0]
	}
	if !slices.Contains(c.config.Hosts, host) {
		return nil, fmt.Errorf("%.100q is no host of RELAY_ACME_HOSTS", host)
	}
	if slices.Contains(hello.SupportedProtos, Protocol) {
		return c.answer(hello)
	}
	certificate := (*c.current.Load())[host]
	if certificate == nil {
		return nil, fmt.Errorf("there is no certificate for %s yet", host)
	}
	return certificate, nil
}

// answer shows the ACME server that the host is ours.
func (c *Certificates) answer(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) > 1 {
		return nil, errors.New("an ACME server offers " + Protocol + " alone")
	}
	return c.manager.GetCertificate(hello)
}
