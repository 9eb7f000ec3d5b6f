package main

import (
	"net/http"
	"net/netip"

	"buildrelay/relay/clientaddr"
	"buildrelay/relay/transport"
)

// admission says who may connect.
func (c *Config) admission() *transport.Admission {
	return transport.NewAdmission(transport.AdmissionConfig{
		Connections:        c.MaxConnections,
		AddressConnections: c.MaxConnectionsPerAddress,
		Handshakes:         c.MaxHandshakes,
		AddressHandshakes:  c.MaxHandshakesPerAddress,
		Address:            c.clientAddress(),
	})
}

// clientAddress returns what tells whom a request is from.
func (c *Config) clientAddress() func(*http.Request) netip.Addr {
	return clientaddr.Proxies(c.TrustedProxies).Of
}
