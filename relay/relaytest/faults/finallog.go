package faults

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

// readLog reads what Redis holds of a channel's log, past all that the relay knows
// of it.
func readLog(ctx context.Context, client *redis.Client, channel string) (checker.Log, error) {
	l := checker.Log{Channel: channel}
	meta, err := client.HMGet(ctx, logKey(channel)+":meta", "e", "i", "f").Result()
	if err != nil {
		return l, fmt.Errorf("reading the meta data of %s: %w", channel, err)
	}
	if l.Top, err = protocol.ParsePosition(fmt.Sprintf("%v:%v", meta[0], meta[1])); err != nil {
		return l, fmt.Errorf("reading the meta data of %s: %w", channel, err)
	}
	l.Closed = meta[2] == "1"
	entries, err := client.XRange(ctx, logKey(channel), "-", "+").Result()
	if err != nil {
		return l, fmt.Errorf("reading the stream of %s: %w", channel, err)
	}
	for _, entry := range entries {
		var fields []string
		for name, value := range entry.Values {
			fields = append(fields, name, fmt.Sprint(value))
		}
		e, err := protocol.ParseEntry(l.Top.Epoch, entry.ID, fields, channel, protocol.DefaultLimits())
		if err != nil {
			return l, fmt.Errorf("reading the stream of %s: %w", channel, err)
		}
		l.Entries = append(l.Entries, e)
	}
	return l, nil
}
