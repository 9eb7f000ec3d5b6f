package api

import (
	"context"
	"slices"
	"strings"

	"buildrelay/protocol"
)

// What info can ask for.
const (
	infoUsers         = "user_count"         // members of a presence channel
	infoSubscriptions = "subscription_count" // of a channel of any other kind
	infoCache         = "cache"              // the last event of a cache channel
)

// attributes are what is told of a channel because info asked for it, by name.
type attributes map[string]int

// parseInfo returns what lists such as "user_count,subscription_count" ask for.
func parseInfo(lists ...string) []string {
	names := strings.Split(strings.Join(lists, ","), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// countedBy is the name of the count that a channel has; "" for a user's channel, where
// nobody counts.
func countedBy(channel string) string {
	switch kind := protocol.KindOf(channel); {
	case kind.Presence():
		return infoUsers
	case kind == protocol.User:
		return ""
	default:
		return infoSubscriptions
	}
}

// attributes returns those that are asked for and that the channel has: who publishes
// to channels of many kinds asks for all that any of them has.
func (a *API) attributes(ctx context.Context, appID, channel string, asked []string) (attributes, error) {
	name := countedBy(channel)
	if !slices.Contains(asked, name) {
		return attributes{}, nil
	}
	n, err := a.count(ctx, appID, channel)
	return attributes{name: n}, err
}

// attributesOf returns those of the events' channels, without the channels that have
// none; nil if nothing is asked.
func (a *API) attributesOf(ctx context.Context, appID string, events []protocol.Event, asked []string) (map[string]attributes, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	all := make(map[string]attributes)
	for _, e := range events {
		has, err := a.attributes(ctx, appID, e.Channel, asked)
		if err != nil {
			return nil, err
		}
		if len(has) > 0 {
			all[e.Channel] = has
		}
	}
	return all, nil
}

// batchAttributes returns what each event of a batch asks for; nil if none asks.
func (a *API) batchAttributes(ctx context.Context, appID string, batch []publication) ([]attributes, error) {
	all, told := make([]attributes, len(batch)), false
	for i, p := range batch {
		asked := parseInfo(p.Info)
		told = told || len(asked) > 0
		var err error
		if all[i], err = a.attributes(ctx, appID, *p.Channel, asked); err != nil {
			return nil, err
		}
	}
	if !told {
		return nil, nil
	}
	return all, nil
}
