package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"buildrelay/relay"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
)

// revocationsTopic is where nodes tell each other what is revoked.
const revocationsTopic = "revocations"

// revocations bring what is revoked from any node to all. The hub, and whoever keeps decisions, have
// the same as it knows.
type revocations struct {
	known   *relay.Revocations
	apps    func() []string // the ids of those in force
	metrics *metrics.Metrics
	log     *slog.Logger
	begun   chan struct{} // holds one signal: what was told before a link is to be read
	failing atomic.Bool
	reading sync.Mutex // one reads at a time

	// Set before anything runs.

	broker *broker.Broker
	hub    *relay.Hub
}

func newRevocations(apps func() []string, m *metrics.Metrics, log *slog.Logger) *revocations {
	return &revocations{known: &relay.Revocations{}, apps: apps, metrics: m, log: log, begun: make(chan struct{}, 1)}
}

// topic is what the broker is to hear. What was told before a link is not waited for: with a part of
// a Cluster away the rest is to go on.
func (r *revocations) topic() broker.Topic {
	return broker.Topic{
		Name: revocationsTopic,
		Begin: func(context.Context) error {
			r.look()
			return nil
		},
		Hear: r.hear,
	}
}

// look has it read what is kept.
func (r *revocations) look() {
	select {
	case r.begun <- struct{}{}:
	default:
	}
}

// hear takes in what is told just now. A number that is none of now is looked up: either Redis' clock
// is another than it was, or it was not told as nodes do, and is not kept.
func (r *revocations) hear(text string) {
	told, err := broker.ParseTold(text)
	if err == nil && !r.known.Timely(told.Number) {
		r.look()
		return
	}
	if n := r.parse(told, err); n != nil {
		r.hub.Revoke(*n)
	}
}

// toldRevocation is a revocation as nodes tell it.
type toldRevocation struct {
	App     string `json:"app"`
	User    string `json:"user_id,omitempty"`
	Channel string `json:"channel,omitempty"`
}

// keeping is how what is revoked of an app is kept.
func (r *revocations) keeping(app string) broker.Keeping {
	return broker.Keeping{
		Of: app, For: relay.RevocationsKept, Most: relay.MostRevocations, Above: r.known.Last(app), Ahead: relay.RevocationsAhead,
	}
}

// Revoke is that of [api.Revocations]. On this node it holds when it returns.
func (r *revocations) Revoke(ctx context.Context, n relay.Revocation) error {
	text, err := json.Marshal(toldRevocation{n.App, n.User, n.Channel})
	if err != nil {
		return err
	}
	n.Number, err = r.broker.TellKept(ctx, revocationsTopic, string(text), r.keeping(n.App))
	if errors.Is(err, broker.ErrToldFull) {
		return relay.ErrRevocationsFull
	}
	if err == nil && !r.known.Timely(n.Number) { // Redis' clock is another than it was
		err = r.read(ctx)
	}
	if err != nil {
		return fmt.Errorf("revoking: %w", err)
	}
	r.hub.Revoke(n)
	return nil
}

// parse reads what was told. Redis' content is not trusted: nil is what is none, or of an app that is
// not known.
func (r *revocations) parse(told broker.Told, err error) *relay.Revocation {
	var n toldRevocation
	if err == nil {
		err = json.Unmarshal([]byte(told.Text), &n)
	}
	if err != nil || n.User == "" && n.Channel == "" || !slices.Contains(r.apps(), n.App) {
		r.metrics.Dropped.WithLabelValues("invalid").Inc()
		return nil
	}
	return &relay.Revocation{Number: told.Number, App: n.App, User: n.User, Channel: n.Channel}
}
