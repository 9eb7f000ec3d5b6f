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

// attributesOf returns what is asked of the events' channels, without the channels that
// have none of it; nil if nothing is asked. Who publishes to channels of many kinds asks
// for all that any of them has.
func (a *API) attributesOf(ctx context.Context, appID string, events []protocol.Event, asked []string) (map[string]attributes, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	var counted []string
	for _, e := range events {
		if slices.Contains(asked, countedBy(e.Channel)) {
			counted = append(counted, e.Channel)
		}
	}
	all := make(map[string]attributes, len(counted))
	if counted == nil {
		return all, nil
	}
	counts, err := a.counts(ctx, appID, counted)
	for _, channel := range counted {
		all[channel] = attributes{countedBy(channel): counts[channel]}
	}
	return all, err
}

// batchAttributes returns what each event of a batch asks for; nil if none asks.
func (a *API) batchAttributes(ctx context.Context, appID string, batch []*publication) ([]attributes, error) {
	told := false
	var counted []string
	for _, p := range batch {
		asked := p.asked()
		told = told || len(asked) > 0
		if slices.Contains(asked, countedBy(*p.channel)) {
			counted = append(counted, *p.channel)
		}
	}
	if !told {
		return nil, nil
	}
	var counts map[string]int
	if counted != nil {
		var err error
		if counts, err = a.counts(ctx, appID, counted); err != nil {
			return nil, err
		}
	}
	all := make([]attributes, len(batch))
	for i, p := range batch {
		all[i] = attributes{}
		if name := countedBy(*p.channel); slices.Contains(p.asked(), name) {
			all[i][name] = counts[*p.channel]
		}
	}
	return all, nil
}
