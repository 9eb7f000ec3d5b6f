package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"buildrelay/relay/appsfile"
	"buildrelay/relay/webhook"
)

// check tells what makes it impossible to serve.
func (c *Config) check() error {
	return errors.Join(c.checkTLS(), c.checkRedis(), c.checkApps(), c.checkNumbers(), c.checkTimes(), c.checkNetworks(), c.checkCluster(), c.checkAudit())
}

func (c *Config) checkTLS() error {
	switch {
	case bool(c.TLS) && (c.TLSCertFile == "" || c.TLSKeyFile == ""):
		return errors.New("RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE must name a certificate and its key (or set RELAY_TLS=off)")
	case bool(c.TLS) || isLoopback(c.Listen) || c.AcknowledgeInsecure:
		return nil
	default:
		return fmt.Errorf("RELAY_TLS=off serves everybody's build output in the clear on %s: listen on a loopback address, or set RELAY_ACKNOWLEDGE_INSECURE=true where a proxy ends TLS", c.Listen)
	}
}

func (c *Config) checkRedis() error {
	if c.RedisURL == "" {
		return errors.New("RELAY_REDIS_URL is not set: it says where Redis is, such as redis://127.0.0.1:6379 ('buildrelay demo' brings a Redis of its own)")
	}
	if c.RedisPrefix == "" || strings.ContainsAny(c.RedisPrefix, ":{}*?[] ") {
		return fmt.Errorf("RELAY_REDIS_PREFIX is %q: it must be a word without spaces and without any of :{}*?[]", c.RedisPrefix)
	}
	return nil
}

// checkApps is for who serves the apps.
func (c *Config) checkApps() error {
	if c.AppsFile == "" {
		return c.checkApp()
	}
	_, err := appsfile.Read(c.AppsFile)
	return errors.Join(c.checkOnlyAppsFile(), wrong("APPS_FILE", err))
}

// checkApp is for the one app of the settings.
func (c *Config) checkApp() error {
	_, err := c.settingsApp()
	errs := []error{err}
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
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
