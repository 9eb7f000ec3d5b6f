package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
	"buildrelay/relay/loopback"
	"buildrelay/relay/metrics"
)

// mostAuthSkew bounds how long after its end a token is believed.
const mostAuthSkew = 5 * time.Minute

// checkAuthorize tells what is missing for the endpoint, or set in vain.
func (c *Config) checkAuthorize() error {
	if !c.Auth.on() {
		return errors.Join(c.authInVain(), c.oidcInVain())
	}
	patterns, err := c.authPatterns()
	errs := []error{err}
	if err == nil {
		_, err = c.newDecider(patterns, nil, metrics.Authorizations{}, nil)
		errs = append(errs, err)
	} else {
		errs = append(errs, wrong("AUTH_URL", c.checkAuthURL()))
	}
	if c.AuthCache < 0 || c.AuthCache > time.Hour {
		errs = append(errs, fmt.Errorf("RELAY_AUTH_CACHE is %s: it must be from 0 to 1h", c.AuthCache))
	}
	if c.Auth == "oidc" {
		return errors.Join(append(errs, c.checkOIDC())...)
	}
	return errors.Join(append(errs, c.oidcInVain())...)
}

// authInVain tells what is set although nobody is signed for.
func (c *Config) authInVain() error {
	return inVain("RELAY_AUTH (forward, oidc, github or gitlab)", map[string]string{
		"AUTH_URL": c.AuthURL, "AUTH_APP": c.AuthApp, "AUTH_CA_FILE": c.AuthCAFile, "AUTH_CHANNELS": c.AuthChannels,
	})
}

// oidcInVain tells what is set although tokens do not decide.
func (c *Config) oidcInVain() error {
	return inVain("RELAY_AUTH=oidc", map[string]string{"AUTH_AUDIENCE": c.AuthAudience, "AUTH_CLAIMS": c.AuthClaims, "AUTH_COOKIE": c.AuthCookie})
}

func inVain(without string, settings map[string]string) error {
	var errs []error
	for name, value := range settings {
		if value != "" {
			errs = append(errs, fmt.Errorf("%s%s is of no use without %s", prefix, name, without))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) authPatterns() (authorize.Patterns, error) {
	patterns, err := authorize.ParsePatterns(c.AuthChannels)
	if err == nil && len(patterns) == 0 {
		err = errors.New("is not set: it says which channels may be asked for, such as private-build-{owner};{repo};{build}")
	}
	return patterns, wrong("AUTH_CHANNELS", err)
}

// checkAuthURL tells what nobody could use; what else is wrong is told by whoever is to use it.
func (c *Config) checkAuthURL() error {
	switch {
	case c.AuthURL == "" && c.Auth == "forward":
		return errors.New("is not set: it says whom to ask who may watch, such as https://ci.example.com/relay/auth")
	case c.AuthURL == "" && c.Auth == "oidc":
		return errors.New("is not set: it says who issues tokens, as the issuer calls itself, such as https://login.example.com")
	case c.Auth != "oidc" && c.plainAuthHost() != "" && !c.AcknowledgeInsecure:
		return errors.New("it must begin with https: users' credentials are sent there (or set RELAY_ACKNOWLEDGE_INSECURE)")
	}
	return nil
}

// checkOIDC is for what the decider takes as it is.
func (c *Config) checkOIDC() error {
	var errs []error
	if c.AuthAudience == "" {
		errs = append(errs, errors.New("RELAY_AUTH_AUDIENCE is not set: it says whom tokens must be for (aud), such as the client's id"))
	}
	if (&http.Cookie{Name: cmp.Or(c.AuthCookie, "none")}).Valid() != nil {
		errs = append(errs, fmt.Errorf("RELAY_AUTH_COOKIE is %q: that is no name of a cookie", c.AuthCookie))
	}
	if c.AuthSkew < 0 || c.AuthSkew > mostAuthSkew {
		errs = append(errs, fmt.Errorf("RELAY_AUTH_SKEW is %s: it must be from 0 to 5m", c.AuthSkew))
	}
	return errors.Join(errs...)
}

// checkAuthApp tells why the endpoint cannot sign for one of these apps: who decides for one of
// several is not to let its users in at the others.
func (c *Config) checkAuthApp(apps []auth.App) error {
	named := slices.ContainsFunc(apps, func(app auth.App) bool { return app.ID == c.AuthApp })
	switch {
	case !c.Auth.on() || named || c.AuthApp == "" && len(apps) == 1:
		return nil
	case c.AuthApp == "":
		return fmt.Errorf("RELAY_AUTH_APP is not set: there are %d apps, and it must be the id of the one that RELAY_AUTH_URL decides for", len(apps))
	default:
		return fmt.Errorf("RELAY_AUTH_APP is %q: it must be the id of an app that is served here", c.AuthApp)
	}
}

// plainAuthHost is the host that is asked where others on the network may read that, else "".
func (c *Config) plainAuthHost() string {
	u, err := url.Parse(c.AuthURL)
	if err != nil || u.Scheme != "http" || loopback.IsHost(u.Hostname()) {
		return ""
	}
	return u.Host
}
