package main

import (
	"crypto/x509"
	"errors"
	"log/slog"

	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

// newDecider makes whoever decides who may watch channels of these patterns. Errors name the
// setting that is wrong. It asks nobody yet.
func (c *Config) newDecider(patterns authorize.Patterns, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (authorize.Decider, error) {
	if err := c.checkAuthURL(); err != nil {
		return nil, wrong("AUTH_URL", err)
	}
	var decider authorize.Decider
	var err error
	switch c.Auth {
	case "oidc":
		return c.newOIDC(patterns, roots, m, log)
	case "github":
		decider, err = authorize.NewGitHub(c.AuthURL, roots, m, log)
	case "gitlab":
		decider, err = authorize.NewGitLab(c.AuthURL, roots, m, log)
	default:
		decider, err = authorize.NewForward(c.AuthURL, roots, m, log)
	}
	if err != nil {
		return nil, wrong("AUTH_URL", err)
	}
	if c.Auth != "forward" {
		err = wrong("AUTH_CHANNELS", authorize.CheckSourcePatterns(patterns))
	}
	return decider, err
}

func (c *Config) newOIDC(patterns authorize.Patterns, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*authorize.OIDC, error) {
	claims, err := authorize.ParseClaims(c.AuthClaims, patterns)
	if err == nil && len(claims) == 0 {
		err = errors.New("is not set: it says what a token must have for a channel, such as repositories={owner}/{repo}")
	}
	o, refused := authorize.NewOIDC(authorize.Tokens{
		Issuer: c.AuthURL, Audience: c.AuthAudience, Claims: claims, UserClaim: c.AuthUserClaim, Cookie: c.AuthCookie, Skew: c.AuthSkew,
	}, roots, m, log)
	return o, errors.Join(wrong("AUTH_CLAIMS", err), wrong("AUTH_URL", refused))
}
