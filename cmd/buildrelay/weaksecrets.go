package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"buildrelay/auth"
)

// leastSecret is the length of a secret, in bytes, below which one can be found by trying.
const leastSecret = 16

// knownSecrets are those that stand in charts, manuals and examples, ours among them: who
// tries a server first tries these. They are in lower case.
func knownSecrets() []string {
	return []string{
		"replace_this_secret", "app-secret", "your-pusher-secret", "for-development-only",
		"change-this-secret", "change-me", "change-me-as-well", "change-me-too", "changeme", "secret", "password",
	}
}

// mayUse says whether the secret of a key is good for anything. One that is not may be known to
// everybody: it stays in the file so that tries are counted.
func mayUse(app *auth.App, key *auth.Key) bool { return !app.Disabled && key.State != auth.KeyRevoked }

// isKnown says whether everybody knows the secret.
func isKnown(s auth.Secret) bool { return slices.Contains(knownSecrets(), strings.ToLower(string(s))) }

// checkAppSecret refuses, as the secret of the one app, what everybody knows.
func (c *Config) checkAppSecret() error {
	if c.AppsFile != "" || isLoopback(c.Listen) || !isKnown(c.AppSecret) {
		return nil
	}
	return fmt.Errorf("RELAY_APP_SECRET is %s", c.whyNotKnown(c.AppSecret))
}

// checkSecrets is checkAppSecret for the apps of a file.
func (c *Config) checkSecrets(apps []auth.App) error {
	if isLoopback(c.Listen) {
		return nil
	}
	var errs []error
	for _, app := range apps {
		for _, key := range app.Keys {
			if mayUse(&app, &key) && isKnown(key.Secret) {
				errs = append(errs, fmt.Errorf("app %q: the secret of key %q is %s", app.ID, key.Key, c.whyNotKnown(key.Secret)))
			}
		}
	}
	return wrong("APPS_FILE", errors.Join(errs...))
}

// whyNotKnown says what is wrong with a secret that everybody knows, and may be shown.
func (c *Config) whyNotKnown(s auth.Secret) string {
	return fmt.Sprintf("%s, which stands in manuals and charts: whoever reaches %s could publish and read by it. Set one of your own, by openssl rand -hex 20 (or RELAY_LISTEN to a loopback address)",
		string(s), c.Listen)
}

// warnOfSecrets warns of those that can be guessed.
func warnOfSecrets(apps []auth.App, log *slog.Logger) {
	for _, app := range apps {
		for _, key := range app.Keys {
			switch n := len(key.Secret); {
			case !mayUse(&app, &key):
			case isKnown(key.Secret):
				log.Warn("the secret of a key is one that everybody knows: set one of your own, by openssl rand -hex 20", "app", app.ID, "key", key.Key)
			case n < leastSecret:
				log.Warn("the secret of a key is short, and could be found by trying: set one of your own, by openssl rand -hex 20",
					"app", app.ID, "key", key.Key, "characters", n, "at_least", leastSecret)
			}
		}
	}
}
