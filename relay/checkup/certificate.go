package checkup

import (
	"crypto/x509"
	"errors"
	"time"
)

// leastLeft is how much longer a certificate has to be good; a quarter of its life where that is
// less.
const leastLeft = 14 * 24 * time.Hour

// Shown is a certificate that a server shows.
type Shown struct {
	// Chain is what it shows, its own certificate first; there is at least that.
	Chain []*x509.Certificate
	// Host is the name by which the server is known; "" is not compared.
	Host string
	// Roots are the authorities that count, nil for those that this machine trusts.
	Roots *x509.CertPool
	// Strict says that an authority which is not among them is a failure. Without it clients may know
	// others than this machine does.
	Strict bool
}

// Certificate judges whether clients take a certificate, as NAME.certificate, and how long it is
// good, as NAME.expiry.
func Certificate(name string, s Shown, now time.Time) []Finding {
	const renew = "put a newer certificate in its place; no restart is needed"
	return []Finding{s.chain(name+".certificate", now), expiry(name+".expiry", "the certificate", renew, s.Chain[0], now)}
}

func (s Shown) chain(name string, now time.Time) Finding {
	leaf, between := s.Chain[0], x509.NewCertPool()
	for _, c := range s.Chain[1:] {
		between.AddCert(c)
	}
	switch { // the time is for expiry to tell
	case now.After(leaf.NotAfter):
		now = leaf.NotAfter
	case now.Before(leaf.NotBefore):
		now = leaf.NotBefore
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: s.Roots, Intermediates: between, DNSName: s.Host, CurrentTime: now})
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case err == nil && s.Host == "":
		return OK(name, "the certificate was signed by an authority that is known here")
	case err == nil:
		return OK(name, "the certificate is good for %s", s.Host)
	case errors.As(err, &host):
		return Failed(name, "get a certificate for that name", "the certificate is not good for the name %s", s.Host)
	case errors.As(err, &unknown) && !s.Strict:
		return Noted(name, "give --ca-file with the authority, or --url with the address that browsers have, to know whether they take it",
			"the certificate was signed by an authority that this machine does not know")
	case errors.As(err, &unknown):
		return Failed(name, "put the whole chain into the certificate's file, or give --ca-file with the authority that clients know",
			"nobody who trusts the same authorities takes the certificate: the authority is unknown, or the chain is not whole")
	default:
		return Failed(name, "get another certificate", "clients do not take the certificate: %v", err)
	}
}

// expiry judges how long a certificate is good, which is called what; renew is how another comes in
// its place.
func expiry(name, what, renew string, leaf *x509.Certificate, now time.Time) Finding {
	left := leaf.NotAfter.Sub(now)
	until := leaf.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case now.Before(leaf.NotBefore):
		return Failed(name, "set the clock right, or wait", "%s is not good before %s", what, leaf.NotBefore.UTC().Format(time.RFC3339))
	case left <= 0:
		return Failed(name, renew, "%s has expired at %s", what, until)
	case left < min(leastLeft, leaf.NotAfter.Sub(leaf.NotBefore)/4):
		return Failed(name, renew, "%s expires soon, at %s (%s)", what, until, days(left))
	default:
		return OK(name, "%s is good until %s (%s)", what, until, days(left))
	}
}
