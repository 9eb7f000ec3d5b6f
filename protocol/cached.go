package protocol

import (
	"errors"
	"fmt"
	"time"
)

// ParseCached parses what is kept of a cache channel's last event, for ttl longer: one
// object as [EncodePublished] makes it, not an array. A client event is an error, for
// these are not to be cached. The event is for whoever subscribes: it excludes nobody,
// and has no sender.
func ParseCached(payload []byte, channel string, ttl time.Duration) (Cached, error) {
	payload, err := validPayload(payload)
	if err != nil {
		return Cached{}, fmt.Errorf("parsing cached event: %w", err)
	}
	e, err := parseEvent(payload, channel, DefaultLimits())
	if err != nil {
		return Cached{}, fmt.Errorf("parsing cached event: %w", err)
	}
	if IsClientEvent(e.Name) {
		return Cached{}, errors.New("parsing cached event: a client event is not to be cached")
	}
	e.Exclude, e.UserID = "", ""
	return Cached{Event: e, TTL: ttl}, nil
}
