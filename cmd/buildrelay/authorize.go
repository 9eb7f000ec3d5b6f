package main

import (
	"net/http"
	"time"

	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
	"buildrelay/relay/tlsfiles"
)

// authPatience is how long a client waits until it is decided whether it may watch.
const authPatience = 2 * time.Second

// authorizing is the auth endpoint; nil where the backend has one.
type authorizing struct{ handler *authorize.Handler }

// newAuthorizing returns nil where the endpoint is off.
func (n *node) newAuthorizing(m *metrics.Metrics) (*authorizing, error) {
	c := n.config
	if !c.Auth.on() {
		return nil, nil
	}
	patterns, err := c.authPatterns()
	if err != nil {
		return nil, err
	}
	authorities, err := tlsfiles.LoadAuthorities("auth_authorities", c.AuthCAFile)
	if err != nil {
		return nil, wrong("AUTH_CA_FILE", err)
	}
	if authorities != nil {
		n.certificates.add(authorities)
	}
	decider, err := c.newDecider(patterns, authorities.Pool, m.Authorizations, n.log)
	if err != nil {
		return nil, err
	}
	return &authorizing{&authorize.Handler{
		Apps: n.apps, App: c.AuthApp, Patterns: patterns, Metrics: m.Authorizations, Auditor: n.audit.auditor(), Address: c.clientAddress(), Now: time.Now,
		Decider: &authorize.Cache{
			Next: decider, Keep: c.AuthCache, Patience: authPatience, Revocations: n.revocations.known, Metrics: m.Authorizations, Now: time.Now,
		},
		Revocations: n.revocations.known,
	}}, nil
}

// channels is nil where the endpoint is off.
func (a *authorizing) channels() http.Handler {
	if a == nil {
		return nil
	}
	return a.handler.Channels()
}

// users is nil where the endpoint is off.
func (a *authorizing) users() http.Handler {
	if a == nil {
		return nil
	}
	return a.handler.Users()
}
