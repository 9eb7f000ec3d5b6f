package broker

import (
	"context"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// homes says of each channel whose master has all that belongs to it.
func (b *Broker) homes(channels []protocol.ChannelName) func(i int) string {
	return func(i int) string { return b.names.log(channels[i].App, channels[i].Channel) }
}

// pick returns those of all that are at some places.
func pick[T any](all []T, places []int) []T {
	if len(places) == len(all) {
		return all
	}
	some := make([]T, len(places))
	for i, at := range places {
		some[i] = all[at]
	}
	return some
}

// readEach puts what read finds of channels into their places in all, from each master what
// it has. With an error some may be missing.
func readEach[T any](
	ctx context.Context, b *Broker, channels []protocol.ChannelName, all []T,
	read func(client *redis.Client, some []protocol.ChannelName) ([]T, error),
) error {
	return b.pool.DoParts(ctx, len(channels), b.homes(channels), func(p redisconn.Part) error {
		found, err := read(p.Client, pick(channels, p.Items))
		for i, at := range p.Items[:len(found)] {
			all[at] = found[i]
		}
		return err
	})
}
