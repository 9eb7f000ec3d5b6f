package api

import (
	"context"
	"time"

	"buildrelay/protocol"
)

// Caches reads what is kept of cache channels.
type Caches interface {
	// ReadCaches returns the last event of each channel, in their order; the zero value
	// where there is none. It waits for Redis.
	ReadCaches(ctx context.Context, channels []protocol.ChannelName) ([]protocol.Cached, error)
}

// cached is the last event of a cache channel, as it is told.
type cached struct {
	Data string `json:"data"`
	TTL  int64  `json:"ttl"` // seconds that are left, a part of one counts as one
}

// cached returns nil where nothing is kept, which is so on channels of other kinds.
func (a *API) cached(ctx context.Context, c *call) (*cached, error) {
	if !protocol.KindOf(c.name).Cache() {
		return nil, nil
	}
	last, err := a.Caches.ReadCaches(ctx, []protocol.ChannelName{{App: c.app.ID, Channel: c.name}})
	if err != nil {
		return nil, unavailable("the cache could not be read", err)
	}
	if last[0].Event.Name == "" {
		return nil, nil
	}
	return &cached{last[0].Event.Data, int64((last[0].TTL + time.Second - 1) / time.Second)}, nil
}
