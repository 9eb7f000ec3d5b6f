package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/loopback"
	"buildrelay/relay/webhook"
)

// settingsCheck tells what is wrong with the settings of one kind.
type settingsCheck struct {
	kind  string // a word
	check func() error
}

// checks are all that say whether it is possible to serve.
func (c *Config) checks() []settingsCheck {
	return []settingsCheck{
		{"tls", c.checkTLS},
		{"redis", c.checkRedis},
		{"apps", c.checkApps},
		{knownSecretsKind, c.checkAppSecret},
		{"numbers", c.checkNumbers},
		{"times", c.checkTimes},
		{"webhooks", c.checkNetworks},
		{"nodes", c.checkCluster},
		{"audit", c.checkAudit},
		{"clients", c.checkClients},
		{"operators", c.checkOperators},
		{"auth", c.checkAuthorize},
	}
}

// knownSecretsKind is the kind of the check for secrets that everybody knows.
const knownSecretsKind = "secrets"

// check tells what makes it impossible to serve.
func (c *Config) check() error {
	var errs []error
	for _, one := range c.checks() {
		errs = append(errs, one.check())
	}
	return errors.Join(errs...)
}

func (c *Config) checkRedis() error {
	if c.RedisURL == "" {
		return errors.New("RELAY_REDIS_URL is not set: it says where Redis is, such as redis://127.0.0.1:6379 ('buildrelay demo' brings a Redis of its own)")
	}
	if c.RedisPrefix == "" || strings.ContainsAny(c.RedisPrefix, ":{}*?[] ") {
		return fmt.Errorf("RELAY_REDIS_PREFIX is %q: it must be a word without spaces and without any of :{}*?[]", c.RedisPrefix)
	}
	return c.checkRedisTLS()
}

// checkApps is for who serves the apps.
func (c *Config) checkApps() error {
	if c.AppsFile == "" {
		return c.checkApp()
	}
	_, err := appsfile.Read(c.AppsFile, c.reveal)
	return errors.Join(c.checkOnlyAppsFile(), wrong("APPS_FILE", err))
}

// checkApp is for the one app of the settings.
func (c *Config) checkApp() error {
	app, err := c.settingsApp()
	errs := []error{err, c.checkSealing([]auth.App{app})}
	for name, value := range map[string]string{"APP_ID": c.AppID, "APP_KEY": c.AppKey, "APP_SECRET": string(c.AppSecret)} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s%s is not set (or set RELAY_APPS_FILE)", prefix, name))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkNumbers() error {
	var errs []error
	for name, n := range map[string]int{
		"APP_MAX_CONNECTIONS": c.AppMaxConnections, "APP_MAX_CLIENT_EVENTS": c.AppMaxClientEvents, "APP_MAX_MEMBERS": c.AppMaxMembers,
		"MAX_CONNECTIONS": c.MaxConnections, "MAX_CONNECTIONS_PER_ADDRESS": c.MaxConnectionsPerAddress,
		"MAX_HANDSHAKES": c.MaxHandshakes, "MAX_HANDSHAKES_PER_ADDRESS": c.MaxHandshakesPerAddress, "MAX_REFUSED_CALLS": c.MaxRefusedCalls,
	} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s%s is %d: it must be 0 (no limit) or more", prefix, name, n))
		}
	}
	if n := c.AcceptTrafficMemory; n < 0 || n > 100 {
		errs = append(errs, fmt.Errorf("RELAY_ACCEPT_TRAFFIC_MEMORY is %d: it must be a percentage, or 0 (memory does not matter)", n))
	}
	return errors.Join(errs...)
}

func (c *Config) checkNetworks() error {
	_, err := webhook.ParseNetworks(c.WebhookNetworks)
	return wrong("WEBHOOK_NETWORKS", err)
}

func (c *Config) checkTimes() error {
	var errs []error
	for name, d := range map[string]time.Duration{
		"ACTIVITY_TIMEOUT": c.ActivityTimeout, "PING_AFTER": c.PingAfter, "PONG_TIMEOUT": c.PongTimeout,
		"APP_CACHE_TTL": c.AppCacheTTL,
	} {
		if d < time.Second {
			errs = append(errs, fmt.Errorf("%s%s is %s: it must be at least 1s", prefix, name, d))
		}
	}
	if d := c.AppAuthorizationTimeout; d != 0 && d < time.Second {
		errs = append(errs, fmt.Errorf("RELAY_APP_AUTHORIZATION_TIMEOUT is %s: it must be 0 (off) or at least 1s", d))
	}
	for name, d := range map[string]time.Duration{
		"WRITE_TIMEOUT": c.WriteTimeout, "FLUSH_WINDOW": c.FlushWindow,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s%s is %s: it must be more than 0", prefix, name, d))
		}
	}
	for name, d := range map[string]time.Duration{"DRAIN_DELAY": c.DrainDelay, "DRAIN_WINDOW": c.DrainWindow} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s%s is %s: it must be 0 or more", prefix, name, d))
		}
	}
	return errors.Join(errs...)
}

// isLoopback says whether only this machine can reach the address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopback.IsHost(host)
}
