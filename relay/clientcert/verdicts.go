package clientcert

import (
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"sync"
	"time"
)

const (
	// mostVerdicts is how many are remembered.
	mostVerdicts = 1000
	// remembered is for how long one is: a call need not verify what the one before it did.
	remembered = time.Minute
)

// verdicts remember certificates that will do. The zero value is ready to use.
type verdicts struct {
	mu sync.Mutex
	by map[key]verdict
}

// key is a digest of all certificates that a client showed.
type key [sha256.Size]byte

// verdict is the name in a certificate that will do as long as nothing else counts, until end.
type verdict struct {
	name    string
	pool    *x509.CertPool
	revoked []*x509.RevocationList
	end     time.Time
}

func keyOf(shown []*x509.Certificate) (k key) {
	h := sha256.New()
	for _, cert := range shown { // DER says itself how long it is
		_, _ = h.Write(cert.Raw)
	}
	h.Sum(k[:0])
	return k
}

func (v *verdicts) good(k key, now time.Time, pool *x509.CertPool, revoked []*x509.RevocationList) (name string, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	found, known := v.by[k]
	if !known || now.After(found.end) || found.pool != pool || !slices.Equal(found.revoked, revoked) {
		return "", false
	}
	return found.name, true
}

func (v *verdicts) note(k key, now time.Time, found verdict) {
	if soon := now.Add(remembered); soon.Before(found.end) {
		found.end = soon
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.by == nil || len(v.by) >= mostVerdicts {
		v.by = make(map[key]verdict) // some are verified once more
	}
	v.by[k] = found
}
