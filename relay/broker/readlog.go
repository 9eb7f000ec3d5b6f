package broker

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
)

// The most that one page of a log holds, so that neither Redis nor a reader is held up.
const (
	pageEntries = 500
	pageBytes   = 256 << 10
)

// ReadLog reads a page of a channel's log. Entries that cannot be read, or opened, are left out:
// those in front are told by the page's Gap, and others where one that is there does not follow
// the one before it. The error is [protocol.ErrLogBroken], wrapped, where Redis holds something else
// under the log's name.
func (b *Broker) ReadLog(ctx context.Context, appID, channel string, start protocol.Start) (protocol.Page, error) {
	if err := b.masking.ready(ctx, appID); err != nil {
		return protocol.Page{}, fmt.Errorf("reading a log: %w", err)
	}
	kind, value := startArgs(start)
	var reply any
	key := b.names.log(appID, channel)
	err := b.pool.Do(ctx, key, func(client *redis.Client) (err error) {
		reply, err = b.scripts.read.Run(ctx, client, key, kind, value, pageEntries, pageBytes)
		return err
	})
	switch {
	case isWrongType(err):
		b.metrics.LogBad.WithLabelValues("type").Inc()
		return protocol.Page{}, fmt.Errorf("reading a log: %w", protocol.ErrLogBroken)
	case err != nil:
		return protocol.Page{}, fmt.Errorf("reading a log: %w", err)
	}
	raw, err := parseReply(reply)
	if err != nil {
		return protocol.Page{}, fmt.Errorf("reading a log: %w", err)
	}
	page, bad := raw.page(start, func(e rawEntry) (protocol.Event, error) { return b.readEntry(appID, channel, raw.epoch, e) })
	if bad {
		b.metrics.LogBad.WithLabelValues("entry").Inc()
	}
	if raw.malformed() {
		b.metrics.LogBad.WithLabelValues("meta").Inc()
	}
	if err := b.showPage(ctx, appID, channel, &page); err != nil {
		return protocol.Page{}, fmt.Errorf("reading a log: %w", err)
	}
	return page, nil
}

// readEntry makes sense of an entry.
func (b *Broker) readEntry(appID, channel, epoch string, raw rawEntry) (protocol.Event, error) {
	e, err := protocol.ParseEntry(epoch, raw.id, raw.fields, channel, protocol.DefaultLimits())
	if err == nil {
		err = b.sealing.open(appID, &e)
	}
	return e, err
}

// startArgs is a start as the script reads it.
func startArgs(s protocol.Start) (kind, value string) {
	switch s.Kind {
	case protocol.StartFirst:
		return "first", ""
	case protocol.StartSince:
		return "since", s.Since.String()
	case protocol.StartCount:
		return "count", strconv.FormatInt(s.N, 10)
	case protocol.StartBytes:
		return "bytes", strconv.FormatInt(s.N, 10)
	default:
		return "now", ""
	}
}

// LogTops returns where logs end, in their order, in one round trip to each master. A log that
// makes no sense counts as none. That it fails is logged when it begins to; what other masters
// have is returned all the same.
func (b *Broker) LogTops(ctx context.Context, logs []protocol.ChannelName) ([]protocol.LogTop, error) {
	tops, err := b.readTops(ctx, logs)
	if failed := err != nil && ctx.Err() == nil; b.unreadable.Swap(failed) != failed && failed {
		b.log.Warn("logs cannot be read", "error", err)
	}
	return tops, err
}

func (b *Broker) readTops(ctx context.Context, logs []protocol.ChannelName) ([]protocol.LogTop, error) {
	tops := slices.Repeat([]protocol.LogTop{{Unread: true}}, len(logs))
	return tops, readEach(ctx, b, logs, tops, func(client *redis.Client, some []protocol.ChannelName) ([]protocol.LogTop, error) {
		return b.readTopsOf(ctx, client, some)
	})
}

func (b *Broker) readTopsOf(ctx context.Context, client *redis.Client, logs []protocol.ChannelName) ([]protocol.LogTop, error) {
	pipe := client.Pipeline()
	for _, l := range logs {
		pipe.HMGet(ctx, b.names.log(l.App, l.Channel)+metaSuffix, "e", "i", "f")
	}
	replies, err := pipe.Exec(ctx)
	if err != nil && !isWrongType(err) {
		return nil, fmt.Errorf("reading where logs end: %w", err)
	}
	tops := make([]protocol.LogTop, len(logs))
	for i, reply := range replies {
		if tops[i], err = b.top(reply); err != nil {
			return nil, fmt.Errorf("reading where logs end: %w", err)
		}
	}
	return tops, nil
}

func (b *Broker) top(reply redis.Cmder) (protocol.LogTop, error) {
	v, err := reply.(*redis.SliceCmd).Result()
	switch {
	case isWrongType(err):
		b.metrics.LogBad.WithLabelValues("type").Inc()
		return protocol.LogTop{}, nil
	case err != nil:
		return protocol.LogTop{}, err
	case len(v) != 3:
		return protocol.LogTop{}, errUnexpected
	}
	at, ok := parseTop(textOf(v[0]), textOf(v[1]))
	if !ok {
		b.metrics.LogBad.WithLabelValues("meta").Inc()
	}
	return protocol.LogTop{At: at, Closed: ok && textOf(v[2]) == "1"}, nil
}
