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
func readLog(ctx context.Context, client redis.UniversalClient, channel string) (checker.Log, error) {
	l := checker.Log{Channel: channel}
	meta, err := client.HMGet(ctx, LogKey(channel)+":meta", "e", "i", "f").Result()
	if err != nil {
		return l, fmt.Errorf("reading the meta data of %s: %w", channel, err)
	}
	if l.Top, err = protocol.ParsePosition(fmt.Sprintf("%v:%v", meta[0], meta[1])); err != nil {
		return l, fmt.Errorf("reading the meta data of %s: %w", channel, err)
	}
	l.Closed = meta[2] == "1"
	for from := "-"; ; {
		entries, err := client.XRangeN(ctx, LogKey(channel), from, "+", 1000).Result()
		if err != nil {
			return l, fmt.Errorf("reading the stream of %s: %w", channel, err)
		}
		for _, entry := range entries {
			e, err := parseEntry(l.Top.Epoch, channel, entry)
			if err != nil {
				return l, fmt.Errorf("reading the stream of %s: %w", channel, err)
			}
			l.Entries = append(l.Entries, e)
			from = "(" + entry.ID
		}
		if len(entries) == 0 {
			return l, nil
		}
	}
}

func parseEntry(epoch, channel string, entry redis.XMessage) (protocol.Event, error) {
	var fields []string
	for name, value := range entry.Values {
		fields = append(fields, name, fmt.Sprint(value))
	}
	return protocol.ParseEntry(epoch, entry.ID, fields, channel, protocol.DefaultLimits())
}
