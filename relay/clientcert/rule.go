package clientcert

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Rule says whose certificates will do. Pool and Now are required. A Rule is safe for
// concurrent use once its fields are set.
type Rule struct {
	// Pool returns the authorities that count now; they may change.
	Pool func() *x509.CertPool
	// Names are those that a certificate needs one of.
	Names Names
	// Revoked returns the revocation lists of now; nil means that there are none. Where one
	// says that it is of an authority which has not signed it, no certificate of that
	// authority will do.
	Revoked func() []*x509.RevocationList
	Now     func() time.Time

	verdicts verdicts
}

// Check returns the name of the client at the other end of a TLS connection, which may be nil:
// the one in its certificate that the rule asks for, or else the first. refused is nil where
// the certificate will do.
func (r *Rule) Check(state *tls.ConnectionState) (name string, refused *Refusal) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return "", refuse(NoCertificate, "no client certificate was shown")
	}
	now, pool, revoked := r.Now(), r.Pool(), r.revoked()
	key := keyOf(state.PeerCertificates)
	if name, known := r.verdicts.good(key, now, pool, revoked); known {
		return name, nil
	}
	chains, refused := verify(state.PeerCertificates, pool, now)
	if refused != nil {
		return "", refused
	}
	chain, refused := unrevoked(chains, revoked)
	if refused != nil {
		return "", refused
	}
	name, found := r.Names.find(state.PeerCertificates[0])
	if !found {
		return "", refuse(WrongName, "the client certificate has none of the names that may (its DNS names and URIs count, its common name does not)")
	}
	r.verdicts.note(key, now, verdict{name, pool, revoked, endOf(chain)})
	return name, nil
}

func (r *Rule) revoked() []*x509.RevocationList {
	if r.Revoked == nil {
		return nil
	}
	return r.Revoked()
}

// verify looks who signed a certificate, which is followed by those that may stand between.
// That the client has its key TLS itself has checked.
func verify(shown []*x509.Certificate, pool *x509.CertPool, now time.Time) ([][]*x509.Certificate, *Refusal) {
	between := x509.NewCertPool()
	for _, cert := range shown[1:] {
		between.AddCert(cert)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots: orNone(pool), Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, untrusted(err)
	}
	return chains, nil
}

// orNone keeps those that the system trusts from taking the place of authorities that are not
// there: they sign for everybody.
func orNone(pool *x509.CertPool) *x509.CertPool {
	if pool == nil {
		return x509.NewCertPool()
	}
	return pool
}
