package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/seal"
)

// needed is what is sealed with each key, as far as it can be seen from here.
type needed struct {
	entries, secrets map[seal.KeyID]int
	// unseenEntries and unseenSecrets say why some may have been left out; nil: none were.
	unseenEntries, unseenSecrets error
}

// needed looks at the settings as they were given, at the apps file and at the logs in Redis, which may
// take minutes.
func (c *Config) needed(ctx context.Context) needed {
	n := needed{entries: map[seal.KeyID]int{}, secrets: map[seal.KeyID]int{}}
	_ = c.openSettings(n.count) // on the way it opens nothing
	if err := c.loadKeys(ctx); err != nil {
		n.unseenEntries, n.unseenSecrets = err, err
		return n
	}
	n.unseenSecrets = n.lookAtApps(c)
	n.unseenEntries = n.lookAtLogs(ctx, c)
	return n
}

// count counts a text in the place of a secret, and returns it as it is.
func (n *needed) count(text string) (auth.Secret, error) {
	if id, ok := seal.SecretKey(text); ok {
		n.secrets[id]++
	}
	return auth.Secret(text), nil
}

// lookAtApps counts what is sealed in the apps file, or in the settings that are like parts of it.
func (n *needed) lookAtApps(c *Config) error {
	open := func(text string) (auth.Secret, error) {
		_, _ = n.count(text) // it never fails
		return c.reveal(text)
	}
	switch {
	case c.AppsFile == "" && c.AppID == "":
		return errors.New("neither RELAY_APPS_FILE nor RELAY_APP_ID is set, so the secrets of apps were not looked at")
	case c.AppsFile == "":
		_, err := appsfile.ParseWebhooks(string(c.AppWebhooks), open)
		return wrong("APP_WEBHOOKS", err)
	}
	_, err := appsfile.Read(c.AppsFile, open)
	return wrong("APPS_FILE", err)
}

// lookAtLogs counts the entries of the logs in Redis.
func (n *needed) lookAtLogs(ctx context.Context, c *Config) error {
	if c.RedisURL == "" {
		return errors.New("RELAY_REDIS_URL is not set, so the logs in Redis were not looked at")
	}
	servers, err := redisServers(*c)
	if err != nil {
		return err
	}
	defer servers.Close()
	b := broker.New(broker.Config{
		Redis: servers, Prefix: c.RedisPrefix, Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	return b.EachEntry(ctx, func(data string) {
		if id, ok := seal.EntryKey(data); ok {
			n.entries[id]++
		}
	})
}

// err says why a key cannot be removed without a loss; nil says that it can.
func (n *needed) err(id seal.KeyID) error {
	entries, secrets := n.entries[id], n.secrets[id]
	switch {
	case entries > 0 || secrets > 0:
		return fmt.Errorf("key %v is needed: %d entries of logs in Redis and %d secrets are sealed with it, and could never be opened again", id, entries, secrets)
	case n.unseenEntries != nil || n.unseenSecrets != nil:
		return fmt.Errorf("key %v may be needed: %w", id, errors.Join(n.unseenSecrets, n.unseenEntries))
	}
	return nil
}
