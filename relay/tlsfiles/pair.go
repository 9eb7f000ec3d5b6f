package tlsfiles

import (
	"crypto/tls"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"buildrelay/relay/wholefile"
)

// Pair is a certificate, with its chain, and its key, of two PEM files; both may be one.
type Pair struct {
	files
	current atomic.Pointer[tls.Certificate]

	looking sync.Mutex // for Look
}

// LoadPair reads a pair for the first time. use says what it is for, as the metrics' label
// does; it is one of a fixed list. What can be served is taken, though it has expired, say:
// only once something better is in force is that kept out.
func LoadPair(use, certFile, keyFile string) (*Pair, error) {
	p := &Pair{}
	p.files = files{use: use, paths: []string{certFile, keyFile}, take: p.take}
	if err := p.load(); err != nil {
		return nil, err
	}
	return p, nil
}

// Certificate is the newest that was good. Anybody may ask.
func (p *Pair) Certificate() *tls.Certificate { return p.current.Load() }

// Get is a server's [tls.Config.GetCertificate]. Whatever host is asked for, the one
// certificate is shown: who checks it sees himself that it is another's, and there are callers
// inside a network that do not check it.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.Certificate(), nil }

// Look is Certificate for those who have no [Watch]: it reads the files first. What is bad is
// kept out, and nobody is told. Anybody may call it.
func (p *Pair) Look() *tls.Certificate {
	p.looking.Lock()
	defer p.looking.Unlock()
	texts, seen, err := p.look()
	if seen != p.last && err == nil {
		_, _ = p.take(texts, time.Now()) // what was in force stays
	}
	p.last = seen
	return p.Certificate()
}

// take takes a pair in the place of one that is in force only if nothing is wrong with it.
func (p *Pair) take(texts [][]byte, now time.Time) (state, error) {
	before := p.Certificate()
	c, wrong, err := parsePair(texts[0], texts[1])
	if err != nil {
		return state{}, err
	}
	if before != nil {
		if err := errors.Join(wrong, checkTime(c.Leaf, now), checkChainStays(c, before)); err != nil {
			return state{}, err
		}
	}
	p.current.Store(c)
	return state{
		from: c.Leaf.NotBefore, expiry: c.Leaf.NotAfter, name: fingerprint(c.Certificate[0]),
		exposed: exposed(p.paths[1]), doubt: errors.Join(wrong, checkSignature(c.Leaf)),
	}, nil
}

// exposed says what lets others read a key; nil if nothing does.
func exposed(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // it was read a moment ago; the next look tells
	}
	return wholefile.CheckPrivate(info)
}
