package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/url"

	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
)

// lookAtAuth finds out whether whoever decides who may watch can be reached. Nothing is asked.
func (k *checking) lookAtAuth(ctx context.Context) []checkup.Finding {
	c := &k.config
	const name = "auth"
	if !c.Auth.on() {
		return []checkup.Finding{checkup.OK(name, "the backend signs who may watch (RELAY_AUTH is off)")}
	}
	if host := c.plainAuthHost(); host != "" {
		return []checkup.Finding{checkup.Failed(name, "give RELAY_AUTH_URL an address that begins with https", "what clients show is sent to %s without TLS", host)}
	}
	u, err := url.Parse(cmp.Or(c.AuthURL, c.authDefault()))
	if err != nil || u.Host == "" {
		return nil // whom else it asks is its own
	}
	var secure *tls.Config
	port := "80"
	if u.Scheme == "https" {
		roots, err := certPool(c.AuthCAFile)
		if err != nil {
			return []checkup.Finding{checkup.Failed(name, readConfig, "RELAY_AUTH_CA_FILE: %v", err)}
		}
		secure, port = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}, "443"
	}
	if err := visit.Reaches(ctx, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)), secure); err != nil {
		return []checkup.Finding{checkup.Failed(name, "until it answers nobody is let in: see whether RELAY_AUTH_URL and RELAY_AUTH_CA_FILE are right",
			"%s, which decides who may watch, cannot be reached: %v", u.Host, err)}
	}
	return []checkup.Finding{checkup.OK(name, "%s, which decides who may watch, can be reached", u.Host)}
}

// authDefault is whom RELAY_AUTH asks where no RELAY_AUTH_URL says so; "" for nobody.
func (c *Config) authDefault() string {
	return map[AuthMode]string{"github": "https://api.github.com", "gitlab": "https://gitlab.com"}[c.Auth]
}
