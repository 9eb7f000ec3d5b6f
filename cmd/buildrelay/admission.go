package main

import (
	"net/http"
	"net/netip"

	"buildrelay/relay/clientaddr"
	"buildrelay/relay/server"
	"buildrelay/relay/transport"
)

// admission says who may connect to a process that may have so much.
func (c *Config) admission(memory *server.Memory, descriptors *transport.Descriptors) *transport.Admission {
	return transport.NewAdmission(transport.AdmissionConfig{
		Connections:        c.MaxConnections,
		AddressConnections: c.MaxConnectionsPerAddress,
		Handshakes:         c.MaxHandshakes,
		AddressHandshakes:  c.MaxHandshakesPerAddress,
		LowMemory:          func() bool { return memory.Low(c.AcceptTrafficMemory) },
		Descriptors:        descriptors,
		Address:            c.clientAddress(),
	})
}

// clientAddress returns what tells whom a request is from.
func (c *Config) clientAddress() func(*http.Request) netip.Addr {
	return clientaddr.Proxies(c.TrustedProxies).Of
}
