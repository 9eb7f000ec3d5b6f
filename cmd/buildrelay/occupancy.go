package main

import (
	"context"
	"errors"

	"buildrelay/protocol"
	"buildrelay/relay"
)

var errNoRoster = errors.New("this node knows its own subscriptions alone")

// ownOccupancy is what this node knows by itself: it stands where the roster, which
// knows all nodes, and the broker's caches will.
type ownOccupancy struct{ hub *relay.Hub }

// Channels returns the counts of this node's subscriptions.
func (o ownOccupancy) Channels(_ context.Context, appID, prefix string) (map[string]int, error) {
	return o.hub.Subscriptions(appID, prefix), nil
}

// Channel returns the count of this node's subscriptions.
func (o ownOccupancy) Channel(_ context.Context, appID, channel string) (int, error) {
	return o.hub.Subscriptions(appID, channel)[channel], nil
}

// Users fails.
func (o ownOccupancy) Users(context.Context, string, string) ([]string, error) {
	return nil, errNoRoster
}

// Terminate fails.
func (o ownOccupancy) Terminate(context.Context, string, string) error { return errNoRoster }

// ReadCaches fails.
func (o ownOccupancy) ReadCaches(context.Context, []protocol.ChannelName) ([]protocol.Cached, error) {
	return nil, errNoRoster
}
