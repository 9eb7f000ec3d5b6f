package tlsfiles

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Revocations are the revocation lists of a file, PEM or DER. A nil *Revocations has none.
type Revocations struct {
	files
	current atomic.Pointer[[]*x509.RevocationList]
}

// LoadRevocations reads revocation lists for the first time; nil for an empty name. use is as
// in [LoadPair].
func LoadRevocations(use, file string) (*Revocations, error) {
	if file == "" {
		return nil, nil
	}
	r := &Revocations{}
	r.files = files{use: use, paths: []string{file}, take: r.take}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// Lists are the newest that could be read, whoever signed them. Anybody may ask.
func (r *Revocations) Lists() []*x509.RevocationList {
	if r == nil {
		return nil
	}
	return *r.current.Load()
}

// take takes lists though a newer one is due: what they revoke stays revoked. That one is due
// is told as that a certificate has expired is.
func (r *Revocations) take(texts [][]byte, _ time.Time) (state, error) {
	ders := [][]byte{texts[0]}
	if bytes.Contains(texts[0], []byte("-----BEGIN ")) {
		var err error
		if ders, err = blocksOf("X509 CRL", texts[0]); err != nil {
			return state{}, fmt.Errorf("the file %w", err)
		}
	}
	if len(ders) == 0 {
		return state{}, errors.New("the file holds no revocation list")
	}
	lists := make([]*x509.RevocationList, len(ders))
	s := state{name: fingerprint(texts[0])}
	for i, der := range ders {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return state{}, fmt.Errorf("a revocation list cannot be read: %w", err)
		}
		lists[i] = list
		if due := list.NextUpdate; !due.IsZero() && (s.expiry.IsZero() || due.Before(s.expiry)) {
			s.expiry = due
		}
	}
	r.current.Store(&lists)
	return s, nil
}
