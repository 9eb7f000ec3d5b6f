package relaytest

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"buildrelay/relay/server"
)

// Certs is a certificate for localhost and its addresses and the authority that
// signed it, as PEM files.
type Certs struct {
	CAFile, CertFile, KeyFile string
	Pool                      *x509.CertPool // holds the authority
}

// NewCerts makes an authority and a certificate as `buildrelay cert` does.
func NewCerts(t testing.TB) *Certs {
	t.Helper()
	made, err := server.LocalCertificate(t.TempDir(), []string{"localhost", "127.0.0.1", "::1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(made.CA)
	if err != nil {
		t.Fatalf("reading the authority back: %v", err)
	}
	c := &Certs{CAFile: made.CA, CertFile: made.Cert, KeyFile: made.Key, Pool: x509.NewCertPool()}
	if !c.Pool.AppendCertsFromPEM(authority) {
		t.Fatalf("%s holds no certificate", made.CA)
	}
	return c
}

// Client is a client's configuration that trusts the authority.
func (c *Certs) Client() *tls.Config {
	return &tls.Config{RootCAs: c.Pool, MinVersion: tls.VersionTLS12}
}
