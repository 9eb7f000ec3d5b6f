package main

import (
	"context"
	"fmt"
	"log/slog"

	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/roster"
	"buildrelay/relay/webhook"
)

// webhooks is what tells backends what becomes of their channels.
type webhooks struct {
	outbox *roster.Outbox
	sender *webhook.Sender
	log    *slog.Logger
}

func newWebhooks(c Config, redis *redisconn.Servers, apps apps, auditor webhook.Auditor, m *metrics.Metrics, log *slog.Logger) (*webhooks, error) {
	networks, err := webhook.ParseNetworks(c.WebhookNetworks)
	if err != nil {
		return nil, fmt.Errorf("RELAY_WEBHOOK_NETWORKS: %w", err)
	}
	outbox := roster.NewOutbox(roster.OutboxConfig{Redis: redis, Prefix: c.RedisPrefix, Metrics: m, Log: log})
	sender := webhook.New(webhook.Config{Outbox: outbox, Apps: apps.Apps, Networks: networks, Auditor: auditor, Metrics: m, Log: log})
	return &webhooks{outbox: outbox, sender: sender, log: log}, nil
}

// run tells until ctx ends, and then lets another node go on.
func (w *webhooks) run(ctx context.Context) {
	w.sender.Run(ctx)
	if err := w.outbox.Close(); err != nil {
		w.log.Warn("closing the connections of the webhooks' outbox failed", "error", err)
	}
}
