package api

import (
	"context"

	"buildrelay/protocol"
)

// getChannels lists the app's occupied channels as this node sees them.
func (a *API) getChannels(_ context.Context, c *call) (reply, error) {
	if c.query.Get("info") != "" {
		return nil, badRequest("info is not available for a list of channels in this version")
	}
	channels := make(map[string]struct{})
	for name := range a.Occupancy.Subscriptions(c.app.ID, c.query.Get("filter_by_prefix")) {
		channels[name] = struct{}{}
	}
	return map[string]any{"channels": channels}, nil
}

// getChannel tells whether one channel is occupied, as this node sees it.
func (a *API) getChannel(_ context.Context, c *call) (reply, error) {
	if err := protocol.CheckChannel(c.channel, c.app.Limits.ChannelName); err != nil {
		return nil, err
	}
	count := a.Occupancy.Subscriptions(c.app.ID, c.channel)[c.channel]
	switch info := c.query.Get("info"); info {
	case "":
		return map[string]any{"occupied": count > 0}, nil
	case "subscription_count":
		return map[string]any{"occupied": count > 0, "subscription_count": count}, nil
	default:
		return nil, badRequest("info %q is not available, only subscription_count is", info)
	}
}
