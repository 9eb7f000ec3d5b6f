package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
)

// site is a relay as clients reach it.
type site struct {
	visit.Relay
	// name begins the names of what is found out about its TLS.
	name string
	// hint says what could be the matter where it does not answer as it should.
	hint string
}

const (
	hintProxy = "look at every proxy between: docs/OPERATIONS.md, Behind nginx"
	hintNode  = "look at the node's log"
)

// lookAtSite does what browsers do, by the address that they have or at the node of this machine.
func (k *checking) lookAtSite(ctx context.Context) []checkup.Finding {
	if k.bad["tls"] && k.flags.url == "" {
		return nil // no node answers with such settings
	}
	s, err := k.findSite()
	if err != nil {
		return []checkup.Finding{checkup.Failed("ready", "give --url", "%v", err)}
	}
	var found []checkup.Finding
	if s.URL.Scheme == "https" {
		found, err = k.lookAtProtocols(ctx, s)
		if err != nil {
			return append(found, checkup.Failed("ready", "start the node, or give --url", "nobody answers at %s: %v", s.URL.Host, err))
		}
		if s.name == "url" && !checkup.NewReport(found).OK {
			return found // nobody who trusts nothing else gets any further
		}
	} else if s.name == "url" {
		found = append(found, plainURL(s.URL.Hostname()))
	}
	switch err := isReady(ctx, s); {
	case errors.Is(err, visit.ErrUnready):
		return append(found, checkup.Failed("ready", s.hint, "the relay answers, and is not ready: %v", err))
	case err != nil:
		return append(found, checkup.Failed("ready", "start the node, or give --url", "the relay does not answer at %s: %v", s.URL.Host, err))
	}
	k.site = s
	return append(append(found, checkup.OK("ready", "the relay at %s is ready", s.URL.Host)), k.lookAtClients(ctx)...)
}

func isReady(ctx context.Context, s *site) error {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	return visit.Ready(ctx, s.Relay, "/readyz")
}

// findSite is where the relay is, by the flag or the settings.
func (k *checking) findSite() (*site, error) {
	app := k.checkedApp()
	given, err := k.flags.address()
	if err != nil {
		return nil, err
	}
	s := &site{name: "url", hint: hintProxy}
	s.Key = app.SigningKey().Key
	if given != nil {
		s.URL = given
		s.TLS = &tls.Config{RootCAs: k.roots, MinVersion: tls.VersionTLS12}
		return s, k.showCertificate(s)
	}
	s.name, s.hint = "tls", hintNode
	address, secure := k.listens()
	address = onThisMachine(address)
	if strings.HasSuffix(address, ":0") {
		return nil, errors.New("RELAY_LISTEN has port 0, so that nobody but the node knows where it is")
	}
	s.URL = &url.URL{Scheme: "http", Host: address}
	if !secure {
		return s, nil
	}
	s.URL.Scheme = "https"
	s.TLS = k.config.healthTLS()
	if chain, err := k.listenerChain(); err != nil {
		return nil, err
	} else if chain != nil {
		s.TLS = visit.Pinned(chain[0].Raw)
	}
	return s, k.showCertificate(s)
}

// showCertificate has the HTTP API shown the certificate for it, if there is one.
func (k *checking) showCertificate(s *site) error {
	certificate, err := k.config.apiCertificate()
	if err == nil && certificate != nil {
		s.TLS.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate(), nil }
	}
	return err
}

// plainURL is what is found where browsers come without TLS.
func plainURL(host string) checkup.Finding {
	const name = "url.tls"
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return checkup.OK(name, "--url is an address of this machine")
	}
	return checkup.Failed(name, "have a proxy, or the relay, end TLS, and give browsers an https address", "everybody on the way can read along: --url begins with http")
}

// lookAtProtocols looks at the TLS that clients get. The error says that there is none.
func (k *checking) lookAtProtocols(ctx context.Context, s *site) ([]checkup.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	host, address := s.URL.Hostname(), s.URL.Host
	if s.URL.Port() == "" {
		address = net.JoinHostPort(host, "443")
	}
	if hosts := k.config.acmeHosts(); s.name == "tls" && len(hosts) > 0 {
		host = hosts[0] // without a name there is no certificate
	}
	protocols, chain, err := visit.Protocols(ctx, address, host)
	if err != nil {
		return nil, err
	}
	found := []checkup.Finding{checkup.TLS(s.name, protocols)}
	if s.name == "url" || k.config.ACMEDirectory != "" {
		shown := checkup.Shown{Chain: chain, Host: host, Roots: k.roots, Strict: s.name == "url" || k.roots != nil}
		found = append(found, checkup.Certificate(s.name, shown, time.Now())...)
	}
	return found, nil
}
