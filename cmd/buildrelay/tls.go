package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"buildrelay/relay/acme"
	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
	"buildrelay/relay/server"
	"buildrelay/relay/tlsfiles"
)

// tlsFilesEvery is the time between two looks at what TLS needs from files.
const tlsFilesEvery = time.Second

// shown is where the certificate of a listener comes from: files, or an ACME server.
type shown struct {
	pair *tlsfiles.Pair
	acme *acme.Certificates // nil for files
	// authorities are the ACME server's, nil for those of the system.
	authorities *tlsfiles.Authorities
}

// shown loads the certificate for the settings' listener; nil without TLS.
func (c *Config) shown() (*shown, error) {
	switch {
	case !bool(c.TLS):
		return nil, nil
	case c.ACMEDirectory != "":
		certificates, authorities, err := c.acme()
		return &shown{acme: certificates, authorities: authorities}, err
	}
	pair, err := loadPair(c.TLSCertFile, c.TLSKeyFile)
	return &shown{pair: pair}, wrong("TLS_CERT_FILE, RELAY_TLS_KEY_FILE", err)
}

func loadPair(certFile, keyFile string) (*tlsfiles.Pair, error) {
	return tlsfiles.LoadPair("listener", certFile, keyFile)
}

// config is how a listener serves it. Each has its own.
func (s *shown) config() *tls.Config {
	if s.acme != nil {
		config := server.TLS(s.acme.Get)
		config.NextProtos = append(config.NextProtos, acme.Protocol)
		return config
	}
	return server.TLS(s.pair.Get)
}

// certificates are what a process shows and believes in, looked after while it runs.
type certificates struct {
	watch tlsfiles.Watch
	acme  *acme.Certificates // nil where no listener has one
	audit *auditTrail        // nil where there is none
}

// newCertificates looks after these files, as add says, to begin with.
func newCertificates(m *metrics.Metrics, log *slog.Logger, all ...any) *certificates {
	c := &certificates{}
	c.watch = tlsfiles.Watch{Metrics: m, Log: log, Now: time.Now, Asks: make(chan chan struct{}), Changed: c.note}
	c.add(all...)
	return c
}

// add has files looked after: any of *tlsfiles.Pair, *tlsfiles.Authorities and
// *tlsfiles.Revocations. It is called before run.
func (c *certificates) add(all ...any) {
	for _, files := range all {
		switch files := files.(type) {
		case *tlsfiles.Pair:
			c.watch.Pairs = append(c.watch.Pairs, files)
		case *tlsfiles.Authorities:
			c.watch.Authorities = append(c.watch.Authorities, files)
		case *tlsfiles.Revocations:
			c.watch.Revocations = append(c.watch.Revocations, files)
		}
	}
}

// addListeners has what listeners show looked after.
func (c *certificates) addListeners(listeners []listener) {
	for _, l := range listeners {
		if l.shown == nil {
			continue
		}
		c.add(l.shown.pair, l.shown.authorities)
		if l.shown.acme != nil {
			c.acme = l.shown.acme
			c.acme.Metrics, c.acme.Log, c.acme.Changed = c.watch.Metrics, c.watch.Log, c.noteACME
		}
	}
}

// start starts to look after all; running waits for it.
func (c *certificates) start(ctx context.Context, running *parts) {
	running.run("TLS files", func() { c.watch.Run(ctx, tlsFilesEvery) })
	if c.acme != nil {
		running.run("ACME", func() { c.acme.Run(ctx) })
	}
}

// while returns serve with all looked after while it serves.
func (c *certificates) while(serve func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		life, end := context.WithCancel(ctx)
		running := newParts()
		defer running.wait()
		defer end()
		c.start(life, running)
		return serve(ctx)
	}
}

// reload looks at once, and says whether there is anything to look at.
func (c *certificates) reload(ctx context.Context) bool {
	if c.watch.Len() == 0 {
		return false
	}
	c.watch.Reload(ctx)
	return true
}

// note records a change.
func (c *certificates) note(change tlsfiles.Change) {
	record := audit.TLSReload{Use: change.Use, Before: change.Before, After: change.After, Expires: change.Expiry.UTC()}
	if change.Err != nil {
		record.Reason = change.Err.Error()
	}
	c.audit.noteOutcome(audit.ActionTLSReload, record, change.Err == nil)
}

func (c *certificates) noteACME(change acme.Change) {
	c.note(tlsfiles.Change{Use: acme.Use, Before: change.Before, After: change.After, Expiry: change.Expiry, Err: change.Err})
}

// checkTLS tells what is wrong with how the settings' listener is to serve.
func (c *Config) checkTLS() error {
	if c.HSTS < 0 {
		return fmt.Errorf("RELAY_HSTS is %s: it must be 0 (browsers are told nothing) or more", c.HSTS)
	}
	switch {
	case c.ACMEDirectory != "":
		return c.checkACME()
	case c.ACMEHosts != "" || c.ACMEEmail != "" || c.ACMECAFile != "":
		return errors.New("RELAY_ACME_DIRECTORY is not set: RELAY_ACME_HOSTS, RELAY_ACME_EMAIL and RELAY_ACME_CA_FILE need it")
	case bool(c.TLS) && (c.TLSCertFile == "" || c.TLSKeyFile == ""):
		return errors.New("RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE must name a certificate and its key (or set RELAY_ACME_DIRECTORY, or RELAY_TLS=off)")
	case bool(c.TLS) || isLoopback(c.Listen) || c.AcknowledgeInsecure:
		return nil
	}
	return fmt.Errorf("RELAY_TLS=off serves everybody's build output in the clear on %s: listen on a loopback address, or set RELAY_ACKNOWLEDGE_INSECURE=true where a proxy ends TLS", c.Listen)
}
