package tlsfiles

import (
	"bytes"
	"cmp"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// leastRSA are the bits of the shortest RSA key that clients of today accept.
const leastRSA = 2048

// parsePair reads a pair. An error says that it cannot be served, wrong that clients may not
// take it, or only a part of it is there.
func parsePair(certText, keyText []byte) (c *tls.Certificate, wrong, err error) {
	chain, certErr := certificates(certText)
	if certErr != nil {
		certErr = fmt.Errorf("the certificate %w", certErr)
	}
	keyErr := checkKey(keyText)
	if keyErr != nil {
		keyErr = fmt.Errorf("the key %w", keyErr)
	}
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return nil, nil, cmp.Or(certErr, keyErr, err) // the library's words are of less help
	}
	return &pair, errors.Join(certErr, keyErr, checkChain(pair.Leaf, chain), checkStrength(pair.Leaf)), nil
}

// checkKey says what is wrong with the text of a key where the library's words are of no help.
func checkKey(text []byte) error {
	all, err := blocks(text)
	if err != nil {
		return err
	}
	for _, b := range all {
		if b.Type == "ENCRYPTED PRIVATE KEY" || b.Headers["DEK-Info"] != "" {
			return errors.New("has a pass phrase, which nobody could give")
		}
	}
	return nil
}

// tooEarly says that something is good later.
type tooEarly struct{ from time.Time }

func (e *tooEarly) Error() string {
	return "the certificate is not valid before " + e.from.UTC().Format(time.RFC3339) + ": is the clock right?"
}

func checkTime(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return &tooEarly{c.NotBefore}
	case now.After(c.NotAfter):
		return errors.New("the certificate has expired at " + c.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// checkChain says that a chain is another certificate's. One that cannot be read has been told.
func checkChain(leaf *x509.Certificate, chain []*x509.Certificate) error {
	if len(chain) < 2 {
		return nil
	}
	for _, authority := range chain[1:] {
		if hasSigned(authority, leaf) {
			return nil
		}
	}
	return errors.New("the chain is another certificate's: nothing in it has signed this one")
}

// hasSigned looks at the signature alone: what else an authority must be is for those who verify.
// It goes by names where the library does not check a signature, as with MD5.
func hasSigned(authority, leaf *x509.Certificate) bool {
	err := authority.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)
	if isUnchecked(err) {
		return bytes.Equal(authority.RawSubject, leaf.RawIssuer)
	}
	return err == nil
}

// isUnchecked says whether the error of a check is that there was none.
func isUnchecked(err error) bool {
	return errors.As(err, new(x509.InsecureAlgorithmError)) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// checkChainStays says that a chain is missing: the certificate before was signed by the same
// authority, and came with one.
func checkChainStays(c, before *tls.Certificate) error {
	if len(c.Certificate) == 1 && len(before.Certificate) > 1 && bytes.Equal(before.Leaf.RawIssuer, c.Leaf.RawIssuer) {
		return errors.New("the chain is missing: the certificate in force has one, and the same issuer")
	}
	return nil
}

func checkStrength(c *x509.Certificate) error {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < leastRSA {
		return fmt.Errorf("the RSA key has %d bits: clients want at least %d", key.N.BitLen(), leastRSA)
	}
	return nil
}

// checkSignature says that clients of today do not believe in how a certificate is signed. An
// authority that signs so may be all there is.
func checkSignature(c *x509.Certificate) error {
	switch c.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return fmt.Errorf("the certificate is signed by %v: clients of today do not take it", c.SignatureAlgorithm)
	}
	return nil
}
