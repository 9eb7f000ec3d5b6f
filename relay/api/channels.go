package api

import (
	"context"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// checkChannel refuses what is no name of a channel, and a channel that the key may not read.
func (c *call) checkChannel() error {
	if err := protocol.CheckChannel(c.name, c.app.Limits.ChannelName); err != nil {
		return err
	}
	return c.signer.CheckRight(auth.RightRead, c.name)
}

// getChannels lists the app's occupied channels, as far as the key may read them.
func (a *API) getChannels(ctx context.Context, c *call) (reply, error) {
	prefix, asked := c.query.Get("filter_by_prefix"), parseInfo(c.query["info"]...)
	for _, name := range asked {
		if name != infoUsers {
			return nil, badRequest("info %q is not available for a list of channels, only %s is", name, infoUsers)
		}
		if !strings.HasPrefix(prefix, "presence-") {
			return nil, badRequest("%s is for presence channels: filter_by_prefix must begin with presence-", infoUsers)
		}
	}
	counts, err := a.Occupancy.Channels(ctx, c.app.ID, prefix)
	if err != nil {
		return nil, unavailable("the channels could not be listed", err)
	}
	channels, none := make(map[string]attributes, len(counts)), attributes{}
	for name, n := range counts {
		switch {
		case !c.signer.Channels.Match(name):
		case len(asked) > 0:
			channels[name] = attributes{infoUsers: n}
		default:
			channels[name] = none
		}
	}
	return map[string]any{"channels": channels}, nil
}

// getChannel tells whether one channel is occupied, and what else is asked about it.
func (a *API) getChannel(ctx context.Context, c *call) (reply, error) {
	if err := c.checkChannel(); err != nil {
		return nil, err
	}
	asked := parseInfo(c.query["info"]...)
	for _, name := range asked {
		if name != infoCache && name != countedBy(c.name) {
			return nil, badRequest("info %q is not available for %s: presence channels have %s, all others but users' have %s",
				name, c.name, infoUsers, infoSubscriptions)
		}
	}
	n, err := a.count(ctx, c.app.ID, c.name)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"occupied": n > 0}
	for _, name := range asked {
		if name != infoCache {
			answer[name] = n
		} else if answer[name], err = a.cached(ctx, c); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// getStats is the deprecated way to ask for a channel, and for the users of a presence
// channel.
func (a *API) getStats(ctx context.Context, c *call) (reply, error) {
	if err := c.checkChannel(); err != nil {
		return nil, err
	}
	n, err := a.count(ctx, c.app.ID, c.name)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"occupied": n > 0}
	if protocol.KindOf(c.name).Presence() {
		answer[infoUsers] = n
	}
	return answer, nil
}
