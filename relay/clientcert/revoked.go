package clientcert

import (
	"bytes"
	"crypto/x509"
	"math/big"
	"slices"
	"time"
)

// unrevoked returns a chain of which nothing was revoked.
func unrevoked(chains [][]*x509.Certificate, lists []*x509.RevocationList) (chain []*x509.Certificate, refused *Refusal) {
	for _, chain := range chains {
		if refused = checkChain(chain, lists); refused == nil {
			return chain, nil
		}
	}
	return nil, refused
}

// checkChain looks for each certificate of a chain into the lists of its authority. Whose
// authority is not in the chain, since it counts itself, may be revoked by a list that cannot be
// checked: that is the safe side. A list that is out of date counts: what it has was revoked.
func checkChain(chain []*x509.Certificate, lists []*x509.RevocationList) *Refusal {
	for i, cert := range chain {
		for _, list := range lists {
			if !isFor(list, cert, chain[i+1:]) {
				continue
			}
			if i+1 < len(chain) && list.CheckSignatureFrom(chain[i+1]) != nil {
				return refuse(ListForged, "whether the client certificate was revoked cannot be told: the revocation list is not signed by its authority")
			}
			if hasSerial(list, cert.SerialNumber) {
				return refuse(Revoked, "the client certificate, or one that signed it, was revoked")
			}
		}
	}
	return nil
}

// isFor says whether a list says that it is of the authority of cert, which is followed by those
// above it: by its name, and by its key where both name that, since an authority with a new key
// may keep its name.
func isFor(list *x509.RevocationList, cert *x509.Certificate, above []*x509.Certificate) bool {
	key := cert.AuthorityKeyId
	switch {
	case len(above) > 0:
		key = above[0].SubjectKeyId
	case isSelfSigned(cert):
		return false
	}
	return bytes.Equal(list.RawIssuer, cert.RawIssuer) &&
		(len(list.AuthorityKeyId) == 0 || len(key) == 0 || bytes.Equal(list.AuthorityKeyId, key))
}

func isSelfSigned(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, cert.RawSubject) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

func hasSerial(list *x509.RevocationList, serial *big.Int) bool {
	return slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
		return e.SerialNumber.Cmp(serial) == 0
	})
}

// endOf is when the first certificate of a chain ends.
func endOf(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, cert := range chain {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}
