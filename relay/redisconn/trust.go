package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// TLS is by what Redis is known over TLS, and what is shown to it. It is asked anew at each
// handshake, so that connections made later go by what is newer. A nil TLS, as the zero value,
// trusts whom the system trusts, and shows nothing.
type TLS struct {
	// Roots returns the authorities of Redis' certificate, nil for those that the system
	// trusts; nil is the same.
	Roots func() *x509.CertPool
	// Certificate returns what is shown where Redis wants a certificate; nil means nothing.
	Certificate func() *tls.Certificate

	asked atomic.Bool // for a certificate, and nothing was shown
}

// at returns a copy of base for another address.
func (t *TLS) at(base *redis.Options, address string) *redis.Options {
	o := *base
	o.Addr = address
	if o.TLSConfig != nil {
		o.TLSConfig = t.config(o.TLSConfig, hostOf(address))
	}
	return &o
}

// config returns a copy of base by which the host is known.
func (t *TLS) config(base *tls.Config, host string) *tls.Config {
	c := base.Clone()
	c.ServerName, c.MinVersion = host, tls.VersionTLS12
	if t == nil {
		return c
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if t.Certificate != nil {
			return t.Certificate(), nil
		}
		t.asked.Store(true)
		return &tls.Certificate{}, nil // Redis may do without
	}
	if t.Roots != nil {
		// The library goes by authorities that never change. So it is told to leave the check
		// out, and the same is done here by those of now.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(state tls.ConnectionState) error { return verify(state.PeerCertificates, t.Roots(), host) }
	}
	return c
}

// verify does with a server's certificate what the library does. The host is not that of the
// connection's state, which has none for addresses.
func verify(shown []*x509.Certificate, roots *x509.CertPool, host string) error {
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	_, err := shown[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: shown, Err: err}
	}
	return nil
}
