package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// Publish publishes events in order, in one round trip unless they are a Cluster's; those of log channels join
// their logs, and the last one of a cache channel is kept. What is to be masked in them is; the caller's
// stay as they are. An event with an id that was
// published in the last minutes is not published again. A nil error says that Redis
// took all of them; after an error any of them may have been published. It wraps
// [protocol.ErrLogGone] or [protocol.ErrLogClosed] where that is why a log did not take an
// event, and [protocol.ErrNotReplicated] where the logs have all events, but too few replicas.
// Where it is a [protocol.Error] nothing was published, and never will be.
func (b *Broker) Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	receipt := protocol.Receipt{Positions: make([]protocol.Position, len(events))}
	events, masked, err := b.masking.publishing(ctx, appID, events)
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing to Redis: %w", err)
	}
	if masked {
		receipt.Published = events
	}
	live, appends, err := b.sort(appID, events)
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing to Redis: %w", err)
	}
	messages := b.names.messages(appID, live, b.cacheTTL(appID))
	err = b.send(ctx, outgoing{messages, appends})
	if err == nil {
		err = fill(&receipt, appends)
	}
	if err == nil {
		b.countRepeats(appID, messages, appends)
	}
	if err != nil {
		return protocol.Receipt{}, fmt.Errorf("publishing to Redis: %w", err)
	}
	return receipt, nil
}

// publishTimeout is how long publishing may take, with all that is tried again: who publishes
// knows within two seconds.
const publishTimeout = 1900 * time.Millisecond

// appending is the call that appends an event to its log.
type appending struct {
	index int // of the event
	key   string
	id    string // of the event
	args  []any
	// replicas is how many replicas are to have the event before it is acknowledged.
	replicas int
	reply    *redis.Cmd
}

// repeated says that the event was in the log before.
func (a *appending) repeated() bool {
	reply, _ := a.reply.Val().([]any)
	return len(reply) == 3 && reply[1] == int64(1)
}

// sort tells events that are published from those that join a log, which are sealed here. What
// clients send to one another is live everywhere.
func (b *Broker) sort(appID string, events []protocol.Event) ([]protocol.Event, []*appending, error) {
	var live []protocol.Event
	var appends []*appending
	for i, e := range events {
		rule := b.rule(appID, e.Channel)
		if rule == nil || protocol.IsClientEvent(e.Name) {
			live = append(live, e)
			continue
		}
		data, err := b.sealing.data(appID, e)
		if err != nil {
			return nil, nil, err
		}
		args := []any{e.Name, data, e.ID, appendOptions(e, rule)}
		appends = append(appends, &appending{index: i, key: b.names.log(appID, e.Channel), id: e.ID, args: args, replicas: rule.Replicas})
	}
	return live, appends, nil
}

func (b *Broker) rule(appID, channel string) *protocol.LogRule {
	if b.config.LogRule == nil {
		return nil
	}
	return b.config.LogRule(appID, channel)
}

// appendOptions are the options of the script, as docs/PROTOCOL.md has them.
func appendOptions(e protocol.Event, rule *protocol.LogRule) []byte {
	type counts struct {
		Lines *int64 `json:"lines,omitempty"`
		Bytes *int64 `json:"bytes,omitempty"`
	}
	options := struct {
		MaxLen   int     `json:"maxlen"`
		MaxBytes int64   `json:"maxbytes"`
		TTL      int64   `json:"ttl"`
		SocketID string  `json:"socket_id,omitempty"`
		Begin    bool    `json:"begin,omitempty"`
		Epoch    string  `json:"epoch,omitempty"`
		Final    *counts `json:"final,omitempty"`
	}{MaxLen: rule.Events, MaxBytes: rule.Bytes, TTL: int64(rule.Keep.Seconds()), SocketID: e.Exclude}
	if a := e.Append; a != nil {
		options.Begin, options.Epoch = a.Begin, a.Epoch
		if a.Final != nil {
			options.Final = &counts{a.Final.Lines, a.Final.Bytes}
		}
	}
	text, _ := json.Marshal(options) // cannot fail: numbers and strings
	return text
}

// logError makes errors of the script those of the protocol.
func logError(err error) error {
	switch {
	case redisconn.IsReply(err, "LOGGONE"):
		return fmt.Errorf("%w (%w)", protocol.ErrLogGone, err)
	case redisconn.IsReply(err, "LOGCLOSED"):
		return fmt.Errorf("%w (%w)", protocol.ErrLogClosed, err)
	case redisconn.IsReply(err, "OOM"):
		return fmt.Errorf("%w (%w)", protocol.ErrFull, err)
	default:
		return err
	}
}

// fill writes down what the script answered.
func fill(receipt *protocol.Receipt, appends []*appending) error {
	for _, a := range appends {
		reply, err := a.reply.Slice()
		if err != nil {
			return err
		}
		if len(reply) != 3 {
			return errUnexpected
		}
		text, _ := reply[0].(string)
		at, err := protocol.ParsePosition(text)
		if err != nil {
			return fmt.Errorf("the answer of the script: %w", err)
		}
		receipt.Positions[a.index] = at
		receipt.Watched = receipt.Watched || reply[2] == int64(1)
	}
	return nil
}
