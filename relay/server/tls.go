package server

import (
	"crypto/tls"
	"fmt"
)

// LoadTLS returns the configuration for a certificate chain and its key, both PEM
// files. TLS 1.2 and 1.3 are offered, and HTTP/1.1 alone.
func LoadTLS(certFile, keyFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("loading the TLS certificate: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}, nil
}
