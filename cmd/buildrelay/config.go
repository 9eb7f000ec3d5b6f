package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// prefix begins the name of every setting.
const prefix = "RELAY_"

// Config is all settings of the relay. The comments are the manual: docs/CONFIG.md
// is made of them.
type Config struct {
	// Address to listen on, as host:port. An empty host means all addresses, port 0
	// any free port.
	Listen string `env:"LISTEN" envDefault:":6001"`
	// Whether to serve TLS: on or off. Off is accepted while LISTEN is a loopback
	// address, else only together with ACKNOWLEDGE_INSECURE.
	TLS Switch `env:"TLS" envDefault:"on"`
	// PEM file with the certificate, followed by the chain.
	TLSCertFile string `env:"TLS_CERT_FILE"`
	// PEM file with the certificate's key.
	TLSKeyFile string `env:"TLS_KEY_FILE"`
	// Set to true to serve without TLS on an address that others can reach: behind a
	// proxy that ends TLS, say.
	AcknowledgeInsecure bool `env:"ACKNOWLEDGE_INSECURE"`

	// Where Redis (7 or later) is: redis://[user:password@]host:port/db, or rediss://
	// for TLS.
	RedisURL auth.Secret `env:"REDIS_URL"`
	// File that holds REDIS_URL.
	RedisURLFile auth.Secret `env:"REDIS_URL_FILE,file"`
	// PEM file with the authority that signed the Redis server's certificate. Empty
	// means those that the system trusts.
	RedisCAFile string `env:"REDIS_CA_FILE"`
	// First part of the names of all Redis channels.
	RedisPrefix string `env:"REDIS_PREFIX" envDefault:"buildrelay"`
	// Slanger's Redis contract for the app, beside our own: off, on, or any. With on a
	// message must name the channel that it was published on, with any it may name
	// another.
	RedisSlanger SlangerMode `env:"REDIS_SLANGER" envDefault:"off"`

	// Id of the app, part of the HTTP API's paths.
	AppID string `env:"APP_ID"`
	// Key of the app, which clients connect with.
	AppKey string `env:"APP_KEY"`
	// Secret of the app, which signs subscriptions and HTTP API calls.
	AppSecret auth.Secret `env:"APP_SECRET"`
	// File that holds APP_SECRET.
	AppSecretFile auth.Secret `env:"APP_SECRET_FILE,file"`
	// Set to false to refuse the app's clients (4003) and API calls (403).
	AppEnabled bool `env:"APP_ENABLED" envDefault:"true"`
	// Most connections that the app may have on this node; 0 means no limit. One more
	// is refused (4004).
	AppMaxConnections int `env:"APP_MAX_CONNECTIONS"`

	// Whether the app's clients may send events to each other, on private and presence
	// channels that they subscribe to.
	AppClientEvents bool `env:"APP_CLIENT_EVENTS"`
	// Most client events of one connection in a second; 0 means no limit. One more is
	// refused (4301).
	AppMaxClientEvents int `env:"APP_MAX_CLIENT_EVENTS" envDefault:"10"`
	// Most members of a presence channel, over all nodes; 0 means no limit.
	AppMaxMembers int `env:"APP_MAX_MEMBERS" envDefault:"100"`
	// Whether subscribers are told how many they are (pusher:subscription_count).
	AppSubscriptionCounts bool `env:"APP_SUBSCRIPTION_COUNTS"`
	// Whether users who sign in are told which of the users on their watchlist are online.
	AppWatchlists bool `env:"APP_WATCHLISTS"`
	// Time in which a client has to sign in or to subscribe to a private or presence
	// channel; else it is closed (4009). 0 means that it need not.
	AppAuthorizationTimeout time.Duration `env:"APP_AUTHORIZATION_TIMEOUT" envDefault:"0s"`
	// How long the last event of a cache channel is kept.
	AppCacheTTL time.Duration `env:"APP_CACHE_TTL" envDefault:"30m"`

	// Which channels are log channels, whose events Redis keeps: rules with ; between
	// them, the first that matches counts. A rule is a channel name, with * for any
	// characters, and what differs from replay=none events=20000 bytes=8MiB keep=24h.
	// What is older than the newest events or bytes, or than keep, is trimmed; replay
	// is what a stock client gets when it subscribes: none, all, a number of events, or
	// an amount such as 64KiB. Presence, cache and user channels have no logs. For build
	// logs: private-build-* replay=all
	LogRules LogRules `env:"LOG_RULES"`

	// Address for /metrics (Prometheus), /healthz, /readyz and /usage (memory), without
	// TLS. Empty turns it off.
	MetricsListen string `env:"METRICS_LISTEN" envDefault:"127.0.0.1:9601"`
	// Percent of the memory that the process may have (GOMEMLIMIT, or what the container
	// or the machine has) above which /accept-traffic answers 503, for load balancers that
	// ask there, as with soketi; 0 means that memory does not matter.
	AcceptTrafficMemory int `env:"ACCEPT_TRAFFIC_MEMORY" envDefault:"85"`
	// Least level that is logged: debug, info, warn or error.
	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"info"`

	// Silence after which clients send a ping; told to them at the handshake. In whole
	// seconds.
	ActivityTimeout time.Duration `env:"ACTIVITY_TIMEOUT" envDefault:"120s"`
	// Silence after which the relay sends a ping. Keep it below the idle time of any
	// load balancer.
	PingAfter time.Duration `env:"PING_AFTER" envDefault:"40s"`
	// How long the relay waits for the answer before it closes the connection (4201).
	PongTimeout time.Duration `env:"PONG_TIMEOUT" envDefault:"30s"`
	// How long a client may take nothing of what is sent to it before it is cut off.
	WriteTimeout time.Duration `env:"WRITE_TIMEOUT" envDefault:"30s"`
	// Least time between two writes for one channel. The first event after a pause is
	// written at once.
	FlushWindow time.Duration `env:"FLUSH_WINDOW" envDefault:"10ms"`
	// Memory for the events that slow readers have yet to read, all channels together,
	// such as 64MiB. 0 means a quarter of GOMEMLIMIT, or 256 MiB where that is not set.
	FeedMemory Bytes `env:"FEED_MEMORY" envDefault:"0"`

	// How long the node goes on accepting clients after it was told to stop, so that a
	// load balancer notices that it is not ready.
	DrainDelay time.Duration `env:"DRAIN_DELAY" envDefault:"5s"`
	// Time over which the node then spreads the closing of its connections. With a
	// single node leave it 0: its clients could connect nowhere else meanwhile.
	DrainWindow time.Duration `env:"DRAIN_WINDOW" envDefault:"0s"`
}

// loadConfig reads the settings from environ ("NAME=value") and checks them. The
// error names everything that is wrong.
func loadConfig(environ []string) (Config, error) {
	var c Config
	values := env.ToMap(environ)
	if err := env.ParseWithOptions(&c, env.Options{Prefix: prefix, Environment: values}); err != nil {
		return c, settingsError(err)
	}
	if listen, set := values[prefix+"METRICS_LISTEN"]; set {
		c.MetricsListen = listen // that it is empty means something, which the library does not know
	}
	if c.RedisURL == "" {
		c.RedisURL = trim(c.RedisURLFile)
	}
	if c.AppSecret == "" {
		c.AppSecret = trim(c.AppSecretFile)
	}
	return c, nil
}

// trim drops the line end that files have.
func trim(s auth.Secret) auth.Secret { return auth.Secret(strings.TrimSpace(string(s))) }

// settingsError names the settings, where the library names the fields.
func settingsError(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return fmt.Errorf("reading the settings: %w", err)
	}
	var errs []error
	for _, err := range all.Errors {
		var failed env.ParseError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%s: %w", settingOf(failed.Name), failed.Err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// settingOf returns the name of the setting that a field of Config holds.
func settingOf(field string) string {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return prefix + name
}

// check tells what makes it impossible to serve.
func (c *Config) check() error {
	return errors.Join(c.checkTLS(), c.checkRedis(), c.checkApp(), c.checkTimes())
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

func (c *Config) checkApp() error {
	var errs []error
	for name, value := range map[string]string{"APP_ID": c.AppID, "APP_KEY": c.AppKey, "APP_SECRET": string(c.AppSecret)} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s%s is not set", prefix, name))
		}
	}
	for name, n := range map[string]int{
		"MAX_CONNECTIONS": c.AppMaxConnections, "MAX_CLIENT_EVENTS": c.AppMaxClientEvents, "MAX_MEMBERS": c.AppMaxMembers,
	} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%sAPP_%s is %d: it must be 0 (no limit) or more", prefix, name, n))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) checkTimes() error {
	var errs []error
	for name, d := range map[string]time.Duration{
		"ACTIVITY_TIMEOUT": c.ActivityTimeout, "PING_AFTER": c.PingAfter, "PONG_TIMEOUT": c.PongTimeout,
	} {
		if d < time.Second {
			errs = append(errs, fmt.Errorf("%s%s is %s: it must be at least 1s", prefix, name, d))
		}
	}
	if d := c.AppAuthorizationTimeout; d != 0 && d < time.Second {
		errs = append(errs, fmt.Errorf("RELAY_APP_AUTHORIZATION_TIMEOUT is %s: it must be 0 (off) or at least 1s", d))
	}
	for name, d := range map[string]time.Duration{
		"WRITE_TIMEOUT": c.WriteTimeout, "FLUSH_WINDOW": c.FlushWindow, "APP_CACHE_TTL": c.AppCacheTTL,
	} {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%s%s is %s: it must be more than 0", prefix, name, d))
		}
	}
	return errors.Join(errs...)
}

func (c *Config) key() auth.Key { return auth.Key{Key: c.AppKey, Secret: c.AppSecret} }

// apps returns the one app that the settings describe.
func (c *Config) apps() (*auth.Apps, error) {
	limits := protocol.DefaultLimits()
	limits.Members, limits.ClientEvents = c.AppMaxMembers, c.AppMaxClientEvents
	apps, err := auth.NewApps(auth.App{
		ID:                   c.AppID,
		Keys:                 []auth.Key{c.key()},
		Disabled:             !c.AppEnabled,
		MaxConnections:       c.AppMaxConnections,
		Limits:               limits,
		Logs:                 protocol.LogRules(c.LogRules),
		ClientEvents:         c.AppClientEvents,
		SubscriptionCounts:   c.AppSubscriptionCounts,
		Watchlists:           c.AppWatchlists,
		AuthorizationTimeout: c.AppAuthorizationTimeout,
		CacheTTL:             c.AppCacheTTL,
	})
	if err != nil {
		return nil, fmt.Errorf("RELAY_APP_ID, RELAY_APP_KEY or RELAY_APP_SECRET: %w", err)
	}
	return apps, nil
}

// logRule returns the rule for a channel of an app, nil for a live channel.
func (c *Config) logRule(_, channel string) *protocol.LogRule {
	return protocol.LogRules(c.LogRules).Find(channel)
}

// tellsRoll says whether nodes tell each other who is on a channel of an app.
func (c *Config) tellsRoll(_, channel string) bool {
	return (&auth.App{SubscriptionCounts: c.AppSubscriptionCounts}).TellsRoll(channel)
}

// cacheTTL is how long the last event of an app's cache channel is kept.
func (c *Config) cacheTTL(string) time.Duration { return c.AppCacheTTL }

// isLoopback says whether only this machine can reach the address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// unknownSettings returns the variables that look like settings and are none, a
// misspelt name for instance.
func unknownSettings(environ []string) []string {
	known := map[string]bool{"RELAY_API_URL": true} // pipe's own
	params, err := env.GetFieldParamsWithOptions(&Config{}, env.Options{Prefix: prefix})
	if err != nil {
		return nil
	}
	for _, p := range params {
		known[p.Key] = true
	}
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}
