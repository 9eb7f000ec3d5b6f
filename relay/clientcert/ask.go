package clientcert

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
)

// Ask returns a copy of a server's config that asks clients for a certificate, and tells them
// which authorities count, those of now: a client with no other certificate, as browsers are,
// does not ask anybody. The handshake goes on whatever a client shows, if only it has the key
// to it: whether it will do a [Rule] says, which can tell why not. The config must have no
// GetConfigForClient.
func Ask(config *tls.Config, pool func() *x509.CertPool) *tls.Config {
	asking := config.Clone()
	asking.ClientAuth = tls.RequestClientCert
	var newest atomic.Pointer[tls.Config]
	config = asking.Clone()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		authorities, known := pool(), newest.Load()
		if known == nil || known.ClientCAs != authorities {
			known = asking.Clone()
			known.ClientCAs = authorities
			newest.Store(known)
		}
		return known, nil
	}
	return config
}
