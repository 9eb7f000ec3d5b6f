package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	rotations     = 20
	rotationEvery = 3 * time.Second
	openSockets   = 5000
	shakesSecond  = 50
)

// rotation is a relay whose certificates are replaced, as Kubernetes does, while clients come
// and others stay.
type rotation struct {
	dir  string
	live string // the link that leads to the files in force
	all  []*certs
	pool *x509.CertPool

	mu     sync.Mutex
	shown  map[[sha256.Size]byte]time.Time // when a certificate was seen first
	shaken int
	failed []error
}

// measureRotation prints what becomes of clients while certificates are replaced.
func (b *bench) measureRotation(ctx context.Context, w io.Writer) error {
	n := b.scaled(openSockets)
	fmt.Fprintf(w, "\n| %d certificates in a row, one every %v, %d open sockets | server | sockets closed | handshakes | failed | shown after, p50 | the last | CPU %% of a core |\n|---|---|---|---|---|---|---|---|\n",
		rotations, rotationEvery, n)
	for _, s := range b.relays("") {
		b.progress("rotate", s, 0, 1)
		if err := b.rotate(ctx, w, s, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) rotate(ctx context.Context, w io.Writer, s subject, sockets int) error {
	r, err := newRotation(b.dir, rotations)
	if err != nil {
		return err
	}
	certs := &certs{certFile: filepath.Join(r.live, "cert.pem"), keyFile: filepath.Join(r.live, "key.pem")}
	certs.client = &tls.Config{RootCAs: r.pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
	srv, err := s.start(ctx, b.dir, b.redis.url(), certs)
	if err != nil {
		return err
	}
	defer srv.stop()
	f := newFleet(srv, channelNames(1), sockets, 0)
	defer f.close()
	if err := f.connect(ctx); err != nil {
		return err
	}
	f.startReading()
	var took []time.Duration
	u, err := b.observe(ctx, srv, func(ctx context.Context) (err error) {
		took, err = r.run(ctx, srv)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(took)
	fmt.Fprintf(w, "| | %s | %d | %d | %d | %v | %v | %.0f |\n", s.name, f.lost.Load(), r.shaken, len(r.failed),
		took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond), 100*u.cpu.Seconds()/u.span.Seconds())
	return errors.Join(r.failed...)
}

// newRotation makes the certificates, and one more, which is in force first.
func newRotation(dir string, n int) (*rotation, error) {
	dir, err := os.MkdirTemp(dir, "rotate-")
	if err != nil {
		return nil, err
	}
	r := &rotation{dir: dir, live: filepath.Join(dir, "live"), pool: x509.NewCertPool(), shown: make(map[[sha256.Size]byte]time.Time)}
	for i := range n + 1 {
		folder := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, err
		}
		c, err := newCerts(folder)
		if err != nil {
			return nil, err
		}
		text, err := os.ReadFile(c.certFile)
		if err != nil {
			return nil, err
		}
		r.pool.AppendCertsFromPEM(text)
		r.all = append(r.all, c)
	}
	return r, r.swap(filepath.Dir(r.all[0].certFile))
}

// swap lets the link lead to another folder, all at once.
func (r *rotation) swap(folder string) error {
	next := r.live + ".new"
	return errors.Join(os.Symlink(folder, next), os.Rename(next, r.live))
}

// run replaces one certificate after the other while clients come, and a bad pair in the
// middle. It returns how long each took to be shown.
func (r *rotation) run(ctx context.Context, srv *server) (took []time.Duration, err error) {
	shaking, stop := context.WithCancel(ctx)
	var clients errgroup.Group
	clients.Go(func() error { return r.shake(shaking, srv) })
	swapped := make([]time.Time, len(r.all))
	for i := 1; i < len(r.all) && err == nil; i++ {
		if i == len(r.all)/2 {
			err = errors.Join(r.bad(i), wait(ctx, rotationEvery))
		}
		swapped[i] = time.Now()
		err = errors.Join(err, r.swap(filepath.Dir(r.all[i].certFile)), wait(ctx, rotationEvery))
	}
	stop()
	err = errors.Join(err, clients.Wait())
	for i, c := range r.all[1:] {
		text, readErr := tls.LoadX509KeyPair(c.certFile, c.keyFile)
		if err = errors.Join(err, readErr); err != nil {
			return nil, err
		}
		seen, ok := r.shown[sha256.Sum256(text.Certificate[0])]
		if !ok {
			return nil, fmt.Errorf("certificate %d was never shown", i+1)
		}
		took = append(took, seen.Sub(swapped[i+1]))
	}
	return took, err
}

// bad lets the link lead to a certificate with another's key.
func (r *rotation) bad(i int) error {
	folder := filepath.Join(r.dir, "bad")
	return errors.Join(os.Mkdir(folder, 0o700),
		os.Link(r.all[i].certFile, filepath.Join(folder, "cert.pem")),
		os.Link(r.all[i-1].keyFile, filepath.Join(folder, "key.pem")),
		r.swap(folder))
}

// shake makes so many handshakes a second, until ctx ends.
func (r *rotation) shake(ctx context.Context, srv *server) error {
	var clients errgroup.Group
	ticks := time.NewTicker(time.Second / shakesSecond)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return clients.Wait()
		case <-ticks.C:
			clients.Go(func() error { r.visit(context.WithoutCancel(ctx), srv); return nil })
		}
	}
}

// visit is one handshake. It is not cut off when the others end.
func (r *rotation) visit(ctx context.Context, srv *server) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := srv.dial(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shaken++
	if err != nil {
		r.failed = append(r.failed, err)
		return
	}
	defer conn.Close()
	name := sha256.Sum256(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw)
	if _, seen := r.shown[name]; !seen {
		r.shown[name] = time.Now()
	}
}
