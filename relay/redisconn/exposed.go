package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"

	"buildrelay/relay/loopback"
)

// Exposed returns the addresses in the URL that are reached without TLS, and are not of this
// machine.
func (s *Servers) Exposed() (addresses []string) {
	if s.base.TLSConfig != nil {
		return nil
	}
	named := s.seeds
	if s.IsSingle() {
		named = []string{s.base.Addr}
	}
	for _, address := range named {
		if !loopback.IsHost(hostOf(address)) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// Certificate returns what the server at address shows, within about a second; nil where it is
// reached without TLS.
func (s *Servers) Certificate(ctx context.Context, address string) (*x509.Certificate, error) {
	config := s.Options(address).TLSConfig
	if config == nil {
		return nil, nil //nolint:nilnil // as said
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel() // closes the connection, too
	conn, err := dial(ctx, ctx, config, "tcp", address)
	if err != nil {
		return nil, err
	}
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil //nolint:forcetypeassert // with a config it is one
}
