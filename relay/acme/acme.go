package acme

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"buildrelay/relay/metrics"
)

const (
	// Protocol is what an ACME server asks for by ALPN; the listener has to offer it.
	Protocol = acme.ALPNProto
	// Use is the label of the metrics.
	Use = "acme"
)

const (
	lookEvery = time.Second // at what the library has, which renews by itself
	// firstPause and longestPause are between tries that fail. A server counts them.
	firstPause   = 70 * time.Second // the library remembers a failure for a minute
	longestPause = time.Hour
)

// Config is where certificates come from, and for whom. All but Email and Roots is required.
type Config struct {
	Directory string   // the URL of the ACME server's directory
	Hosts     []string // a certificate each
	Email     string
	// Roots returns who signed the ACME server's own certificate, which may be others each time;
	// nil, as what it returns, is the system's.
	Roots  func() *x509.CertPool
	Folder string // keeps account and certificates; it is made if it is not there
}

// Certificates are those of the hosts. Metrics, Log and Changed are set before Run.
type Certificates struct {
	Metrics *metrics.Metrics
	Log     *slog.Logger
	// Changed is told of each certificate that is new, and of each try that failed; nil where
	// nobody wants to know. Run calls it.
	Changed func(Change)

	config  Config
	manager *autocert.Manager
	current atomic.Pointer[map[string]*tls.Certificate] // by host; what it points to does not change
	overdue map[string]string                           // of Run: the certificates that were told, by host
}

// Change is a certificate that was put in force, or could not be had.
type Change struct {
	Host          string
	Before, After string // SHA-256 of the certificate in force; empty where there is none
	Expiry        time.Time
	Err           error
}

// New makes the folder, and asks nobody yet.
func New(c Config) (*Certificates, error) {
	kept, err := openFolder(c.Folder)
	if err != nil {
		return nil, err
	}
	certificates := &Certificates{config: c, overdue: make(map[string]string)}
	certificates.config.Hosts = normal(c.Hosts)
	certificates.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      kept,
		HostPolicy: autocert.HostWhitelist(certificates.config.Hosts...),
		Email:      c.Email,
	}
	certificates.current.Store(&map[string]*tls.Certificate{})
	return certificates, nil
}

// Run has certificates for all hosts, and new ones in time, until ctx ends. It must run while
// the listener serves, since the ACME server asks there.
func (c *Certificates) Run(ctx context.Context) {
	c.manager.Client = &acme.Client{DirectoryURL: c.config.Directory, HTTPClient: httpClient(ctx, c.config.Roots), UserAgent: "buildrelay"}
	tries := make([]try, len(c.config.Hosts))
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	for {
		for i, host := range c.config.Hosts {
			if now := time.Now(); !now.Before(tries[i].next) && ctx.Err() == nil {
				tries[i].note(now, c.look(ctx, host))
			}
		}
		c.measure(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		}
	}
}

// try is when a host's turn is next.
type try struct {
	next  time.Time
	pause time.Duration
}

func (t *try) note(now time.Time, ok bool) {
	if ok {
		*t = try{}
		return
	}
	t.pause = min(max(2*t.pause, firstPause), longestPause)
	t.next = now.Add(t.pause)
}

// look takes over the certificate that the library has for a host, or has it get one.
func (c *Certificates) look(ctx context.Context, host string) bool {
	before := (*c.current.Load())[host]
	now, err := c.manager.GetCertificate(&tls.ClientHelloInfo{
		ServerName: host, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, // a key of today
	})
	switch {
	case err != nil && ctx.Err() != nil:
	case err != nil:
		c.Log.Error("the ACME server gives no certificate", "host", host, "directory", c.config.Directory, "error", err)
		c.tell(Change{Host: host, Before: name(before), After: name(before), Err: err})
	case name(now) != name(before):
		c.put(host, now)
		c.Log.Info("a certificate of the ACME server is in force", "host", host, "expires", now.Leaf.NotAfter, "sha256", name(now))
		c.tell(Change{Host: host, Before: name(before), After: name(now), Expiry: now.Leaf.NotAfter})
	}
	return err == nil
}

// put puts another map in the place of the one that handshakes read.
func (c *Certificates) put(host string, certificate *tls.Certificate) {
	next := map[string]*tls.Certificate{host: certificate}
	for other, kept := range *c.current.Load() {
		if other != host {
			next[other] = kept
		}
	}
	c.current.Store(&next)
}

// measure says by metrics how the certificates are. That one is not renewed in time is logged,
// once: the library does not tell why.
func (c *Certificates) measure(now time.Time) {
	good := 1.0
	var first time.Time
	for _, host := range c.config.Hosts {
		certificate := (*c.current.Load())[host]
		if certificate == nil {
			good = 0
			continue
		}
		leaf := certificate.Leaf
		if first.IsZero() || leaf.NotAfter.Before(first) {
			first = leaf.NotAfter
		}
		if !isOverdue(leaf, now) {
			continue
		}
		good = 0
		if n := name(certificate); c.overdue[host] != n {
			c.overdue[host] = n
			c.Log.Error("a certificate of the ACME server is not renewed", "host", host, "expires", leaf.NotAfter)
		}
	}
	c.Metrics.CertificateGood.WithLabelValues(Use).Set(good)
	if !first.IsZero() {
		c.Metrics.CertificateExpiry.WithLabelValues(Use).Set(float64(first.Unix()))
	}
}

// isOverdue says that less than a sixth of the time is left: the library renews when a third
// is, or 30 days are.
func isOverdue(c *x509.Certificate, now time.Time) bool {
	margin := min(c.NotAfter.Sub(c.NotBefore)/6, 15*24*time.Hour)
	return now.After(c.NotAfter.Add(-margin))
}

func (c *Certificates) tell(change Change) {
	if c.Changed != nil {
		c.Changed(change)
	}
}

// name is by what people tell certificates apart; empty for nil.
func name(c *tls.Certificate) string {
	if c == nil {
		return ""
	}
	sum := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(sum[:])
}
