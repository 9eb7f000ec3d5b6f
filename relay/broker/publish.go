package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// Publish publishes events in order, in one round trip; those of log channels join
// their logs, and the last one of a cache channel is kept. An event with an id that was
// published in the last minutes is not published again. A nil error says that Redis
// took all of them; after an error any of them may have been published. It wraps
// [protocol.ErrLogGone] or [protocol.ErrLogClosed] where that is why a log did not take an
// event.
func (b *Broker) Publish(ctx context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	receipt := protocol.Receipt{Positions: make([]protocol.Position, len(events))}
	live, appends := b.sort(appID, events)
	messages := b.names.messages(appID, live, b.cacheTTL(appID))
	err := b.send(ctx, messages, appends)
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

// appending is the call that appends an event to its log.
type appending struct {
	index int // of the event
	key   string
	args  []any
	reply *redis.Cmd
	// repeat says that the event was in the log.
	repeat bool
}

// sort tells events that are published from those that join a log. What clients send to
// one another is live everywhere.
func (b *Broker) sort(appID string, events []protocol.Event) (live []protocol.Event, appends []*appending) {
	for i, e := range events {
		rule := b.rule(appID, e.Channel)
		if rule == nil || protocol.IsClientEvent(e.Name) {
			live = append(live, e)
			continue
		}
		args := []any{e.Name, e.Data, e.ID, appendOptions(e, rule)}
		appends = append(appends, &appending{index: i, key: b.names.log(appID, e.Channel), args: args})
	}
	return live, appends
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

// send sends everything at once, and again what Redis did not run because it did not
// know the script.
func (b *Broker) send(ctx context.Context, messages []message, appends []*appending) error {
	if err := b.exec(ctx, messages, appends); err != nil {
		return err
	}
	if err := lost(messages); err != nil {
		return err
	}
	var unknown []*appending
	for _, a := range appends {
		if redisconn.IsReply(a.reply.Err(), redisconn.NoScript) {
			unknown = append(unknown, a)
		}
	}
	if unknown == nil {
		return nil
	}
	if err := b.scripts.append.Load(ctx, b.client); err != nil {
		return err
	}
	return b.exec(ctx, nil, unknown)
}

// exec runs several appends in a transaction: without it somebody else could load the
// script between two of them, and only the second be run. In one, too, an event is kept
// and published: who reads what is kept, in its place among what is heard, misses none and
// has none twice. That Redis does not know the script is no error yet.
func (b *Broker) exec(ctx context.Context, messages []message, appends []*appending) error {
	pipelined := b.client.Pipelined
	if len(appends) > 1 || slices.ContainsFunc(messages, message.isKept) {
		pipelined = b.client.TxPipelined
	}
	commands, err := pipelined(ctx, func(pipe redis.Pipeliner) error {
		b.queue(ctx, pipe, messages)
		for _, a := range appends {
			a.reply = pipe.EvalSha(ctx, b.scripts.append.SHA, []string{a.key}, a.args...)
		}
		return nil
	})
	for _, c := range commands {
		if err := c.Err(); err != nil && !redisconn.IsReply(err, redisconn.NoScript) {
			return logError(err)
		}
	}
	if redisconn.IsReply(err, redisconn.NoScript) {
		return nil
	}
	return err // that of the connection, which not all commands have
}

// logError makes errors of the script those of the protocol.
func logError(err error) error {
	switch {
	case redisconn.IsReply(err, "LOGGONE"):
		return fmt.Errorf("%w (%w)", protocol.ErrLogGone, err)
	case redisconn.IsReply(err, "LOGCLOSED"):
		return fmt.Errorf("%w (%w)", protocol.ErrLogClosed, err)
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
		a.repeat = reply[1] == int64(1)
		receipt.Watched = receipt.Watched || reply[2] == int64(1)
	}
	return nil
}
