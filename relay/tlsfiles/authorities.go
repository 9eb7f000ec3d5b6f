package tlsfiles

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Authorities are the certificates of a PEM file that others are believed by. While one takes
// the place of another the file has both. A nil *Authorities is the system's.
type Authorities struct {
	files
	current atomic.Pointer[x509.CertPool]
}

// LoadAuthorities reads authorities for the first time; nil for an empty name. use is as in
// [LoadPair].
func LoadAuthorities(use, file string) (*Authorities, error) {
	if file == "" {
		return nil, nil
	}
	a := &Authorities{}
	a.files = files{use: use, paths: []string{file}, take: a.take}
	if err := a.load(); err != nil {
		return nil, err
	}
	return a, nil
}

// Pool are the newest that were good; nil, as in [tls.Config], for those of the system.
// Anybody may ask.
func (a *Authorities) Pool() *x509.CertPool {
	if a == nil {
		return nil
	}
	return a.current.Load()
}

// take takes authorities of which at least one is good now: while one is replaced the file
// may have one that has expired.
func (a *Authorities) take(texts [][]byte, now time.Time) (state, error) {
	all, err := certificates(texts[0])
	if err != nil {
		return state{}, fmt.Errorf("the authority %w", err)
	}
	pool := x509.NewCertPool()
	var s state
	var errs []error
	for _, c := range all {
		pool.AddCert(c)
		errs = append(errs, checkTime(c, now))
		if errs[len(errs)-1] == nil && c.NotAfter.After(s.expiry) {
			s.expiry = c.NotAfter
		}
		s.name = fingerprint(append([]byte(s.name), c.Raw...))
	}
	if s.expiry.IsZero() {
		return state{}, errors.Join(errs...)
	}
	a.current.Store(pool)
	return s, nil
}
