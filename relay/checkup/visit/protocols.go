package visit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"buildrelay/relay/checkup"
)

// handshakeTime is how long one handshake may take.
const handshakeTime = 10 * time.Second

// Protocols shakes hands with a server of TLS in all ways that matter, and returns what it speaks
// and the certificates that it shows. They are not verified. An error says that nobody is there,
// or speaks no TLS at all.
func Protocols(ctx context.Context, address, host string) (checkup.Protocols, []*x509.Certificate, error) {
	var p checkup.Protocols
	state, err := shake(ctx, address, &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return p, nil, fmt.Errorf("shaking hands with %s: %w", address, err)
	}
	p.HTTP1 = state.NegotiatedProtocol == "http/1.1" || state.NegotiatedProtocol == ""
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		if _, err := shake(ctx, address, &tls.Config{ServerName: host, MinVersion: version, MaxVersion: version}); err != nil {
			continue
		}
		if version < tls.VersionTLS12 {
			p.Old = append(p.Old, tls.VersionName(version))
		} else {
			p.Good = append(p.Good, tls.VersionName(version))
		}
	}
	_, err = shake(ctx, address, &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: weak()})
	p.Weak = err == nil
	return p, state.PeerCertificates, nil
}

// weak are the ciphers of TLS 1.2 that do not authenticate what they carry (AEAD).
func weak() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	}
}

func shake(ctx context.Context, address string, config *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	config = config.Clone()
	config.InsecureSkipVerify = true // whose certificate it is, is for the caller; nothing is said
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, errors.New("no connection over TLS")
	}
	return secure.ConnectionState(), nil
}

// Reaches connects to an address, and over TLS where config is not nil, and says nothing.
func Reaches(ctx context.Context, address string, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	var conn net.Conn
	var err error
	if config == nil {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

// Pinned returns how a server is known by the very certificate that it has to show, whatever its
// name.
func Pinned(certificate []byte) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Verified is more than a chain: it must be this certificate.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !slices.Equal(state.PeerCertificates[0].Raw, certificate) {
				return errors.New("another certificate is shown than the one of the settings")
			}
			return nil
		},
	}
}
