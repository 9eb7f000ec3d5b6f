package api_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"buildrelay/protocol"
)

// occupancy stands for what all nodes together know of the app 3.
type occupancy struct {
	occupied map[string]int      // subscriptions of channels without members
	members  map[string][]string // of presence channels, and of a user's the user
	caches   map[string]protocol.Cached
	ended    []string // ids of users
	prefix   string   // of the channels that were listed last
	counts   int      // how often channels were counted
	away     error    // what everything fails with
}

var errAway = errors.New("dial tcp 10.0.0.1:6379: connection refused")

// check fails where Redis is away, or another app than 3 is asked for.
func (o *occupancy) check(appID string) error {
	if appID != "3" {
		return fmt.Errorf("asked for the app %q", appID)
	}
	return o.away
}

func (o *occupancy) Channels(_ context.Context, appID, prefix string) (map[string]int, error) {
	o.prefix = prefix
	found := make(map[string]int)
	for name, n := range o.occupied {
		found[name] = n
	}
	for name, ids := range o.members {
		found[name] = len(ids)
	}
	for name, n := range found {
		if n == 0 || !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, "#") {
			delete(found, name)
		}
	}
	return found, o.check(appID)
}

func (o *occupancy) Counts(_ context.Context, appID string, channels []string) (map[string]int, error) {
	o.counts++
	found := make(map[string]int)
	for _, channel := range channels {
		found[channel] = o.occupied[channel] + len(o.members[channel])
	}
	return found, o.check(appID)
}

func (o *occupancy) Users(_ context.Context, appID, channel string) ([]string, error) {
	return slices.Sorted(slices.Values(o.members[channel])), o.check(appID)
}

func (o *occupancy) Terminate(_ context.Context, appID, userID string) error {
	o.ended = append(o.ended, userID)
	return o.check(appID)
}

func (o *occupancy) ReadCaches(_ context.Context, channels []protocol.ChannelName) ([]protocol.Cached, error) {
	var found []protocol.Cached
	for _, c := range channels {
		if err := o.check(c.App); err != nil {
			return nil, err
		}
		found = append(found, o.caches[c.Channel])
	}
	return found, nil
}
