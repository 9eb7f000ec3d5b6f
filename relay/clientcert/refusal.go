package clientcert

import (
	"crypto/x509"
	"errors"
)

// The causes of refusals, as records and metrics name them.
const (
	NoCertificate = "no certificate"
	NotTrusted    = "certificate not trusted"
	NotNow        = "certificate expired"
	Revoked       = "certificate revoked"
	ListForged    = "revocation list not authentic"
	WrongName     = "certificate name"
)

// Refusal says why a certificate will not do.
type Refusal struct {
	Cause string // one of the above
	Text  string // for the client
}

func refuse(cause, text string) *Refusal { return &Refusal{cause, text} }

// untrusted is the refusal for what the library says of a certificate.
func untrusted(err error) *Refusal {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired:
			return refuse(NotNow, "the client certificate, or one that signed it, has expired or is not valid yet")
		case x509.IncompatibleUsage:
			return refuse(NotTrusted, "the client certificate is not meant for clients (extended key usage clientAuth)")
		}
	}
	return refuse(NotTrusted, "the client certificate is not signed by an authority that counts here")
}
