package broker

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/masks"
)

// noVersion is that of what is no registrations, or does not say which: what is read is read once.
const noVersion = -1

// readMasks reads what an app has registered, and its newest version, 0 where there is none. What
// makes no sense is left out, and counted.
func (b *Broker) readMasks(ctx context.Context, appID string) (all []masks.Stored, version int64, err error) {
	key := b.names.masks(appID)
	err = b.pool.Do(ctx, key, func(client *redis.Client) error {
		all = nil
		if version, err = maskVersion(client.HGet(ctx, key, "#v")); err != nil {
			return err
		}
		return b.eachMask(ctx, client, appID, func(s masks.Stored) { all = append(all, s) })
	})
	switch {
	case isWrongType(err):
		b.metrics.LogBad.WithLabelValues("type").Inc()
		b.log.Error("what Redis has under the name of what an app wants masked is something else: nothing of it is masked", "app", appID, "key", key)
		return nil, noVersion, nil
	case err == nil && version == noVersion:
		b.metrics.LogBad.WithLabelValues("meta").Inc()
		b.log.Error("Redis has no number as the version of what an app wants masked: what this node does not hear it does not know, until something is registered again",
			"app", appID, "key", key)
	}
	return all, version, err
}

// maskVersion reads the newest version of an app: 0 where nothing was ever registered, noVersion
// where there is something that is none.
func maskVersion(reply *redis.StringCmd) (int64, error) {
	text, err := reply.Result()
	switch {
	case errors.Is(err, redis.Nil):
		return 0, nil
	case isWrongType(err):
		return noVersion, nil
	case err != nil:
		return 0, err
	}
	if version, err := strconv.ParseUint(text, 10, versionBits); err == nil {
		return int64(version), nil //nolint:gosec // it has fewer bits
	}
	return noVersion, nil
}

// versionBits is how many bits a version has: scripts of Redis count no further.
const versionBits = 53
