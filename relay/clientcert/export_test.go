package clientcert

import "crypto/x509"

// Find is what tests ask of names alone.
func Find(n Names, cert *x509.Certificate) (string, bool) { return n.find(cert) }

// Forget is that a minute has passed.
func (r *Rule) Forget() { r.verdicts.by = nil }
