package roster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/redisconn"
)

// endKept is for how long it is known that a user's connections were ended: a node that
// was cut off ends them when it hears of it.
const endKept = time.Hour

// Channels returns an app's occupied channels whose names begin with prefix, each with
// its members, or, if it is no presence channel, its subscriptions over all nodes. Those of
// users are not among them. It waits until Redis knows what was said on this node.
func (r *Roster) Channels(ctx context.Context, appID, prefix string) (map[string]int, error) {
	if err := r.wait(ctx, everyPartition()...); err != nil {
		return nil, err
	}
	var replies [partitions]*redis.MapStringStringCmd
	err := r.reading.DoParts(ctx, partitions, r.names.partition, func(of redisconn.Part) error {
		pipe := of.Client.Pipeline()
		for _, p := range of.Items {
			replies[p] = pipe.HGetAll(ctx, r.names.occupied(p, appID))
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the occupied channels: %w", err)
	}
	all := make(map[string]int)
	for _, reply := range replies {
		for channel, text := range reply.Val() {
			if n := atoi(text); n > 0 && strings.HasPrefix(channel, prefix) && !strings.HasPrefix(channel, "#") {
				all[channel] = n
			}
		}
	}
	return all, nil
}

// Counts returns how many members each of the channels has, or, if it is no presence
// channel, how many subscriptions over all nodes; 0 where it is not occupied. A user's
// channel has the user, while signed in, for a member. It takes one round trip, and waits for
// what was said of the partitions of these channels.
func (r *Roster) Counts(ctx context.Context, appID string, channels []string) (map[string]int, error) {
	if err := r.wait(ctx, partitionsOf(appID, channels)...); err != nil {
		return nil, err
	}
	counts := make([]func() int, len(channels))
	keys := func(i int) string { return r.names.members(appID, channels[i]) }
	err := r.reading.DoParts(ctx, len(channels), keys, func(of redisconn.Part) error {
		pipe := of.Client.Pipeline()
		for _, i := range of.Items {
			counts[i] = r.countIn(ctx, pipe, appID, channels[i])
		}
		return failed(pipe.Exec(ctx))
	})
	if err != nil {
		return nil, fmt.Errorf("reading how many are there: %w", err)
	}
	all := make(map[string]int, len(channels))
	for i, channel := range channels {
		all[channel] = counts[i]()
	}
	return all, nil
}

// countIn asks how many a channel has, which is known when the pipe has been carried out.
func (r *Roster) countIn(ctx context.Context, pipe redis.Pipeliner, appID, channel string) func() int {
	if protocol.KindOf(channel) == protocol.User {
		n := pipe.HLen(ctx, r.names.members(appID, channel))
		return func() int { return int(n.Val()) }
	}
	text := pipe.HGet(ctx, r.names.occupied(partitionOf(appID, channel), appID), channel)
	return func() int { return atoi(text.Val()) }
}

// failed returns why commands failed, where it is not that something is not there.
func failed(commands []redis.Cmder, err error) error {
	for _, c := range commands {
		if err := c.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
	}
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// atoi reads how many are there; 0 where that is nothing that the script would write.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// Users returns the ids of a channel's members, sorted. It waits as Counts does.
func (r *Roster) Users(ctx context.Context, appID, channel string) ([]string, error) {
	if err := r.wait(ctx, partitionOf(appID, channel)); err != nil {
		return nil, err
	}
	var ids []string
	key := r.names.members(appID, channel)
	err := r.reading.Do(ctx, key, func(client *redis.Client) (err error) {
		ids, err = client.HKeys(ctx, key).Result()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the members: %w", err)
	}
	return userIDs(ids), nil
}

// Terminate tells all nodes to end the connections of a user.
func (r *Roster) Terminate(ctx context.Context, appID, userID string) error {
	channel := protocol.UserPrefix + userID
	partition := r.names.partition(partitionOf(appID, channel))
	reply, err := r.runScript(ctx, partition, "finish", nameOf(appID, channel), ms(endKept))
	if err != nil {
		return fmt.Errorf("telling that a user's connections are to be ended: %w", err)
	}
	if answer, _ := reply.([]any); len(answer) != 1 || answer[0] != "ok" {
		return errors.New("telling that a user's connections are to be ended: Redis has lost who is here")
	}
	return nil
}

// runScript runs the script for a partition.
func (r *Roster) runScript(ctx context.Context, partition string, args ...any) (reply any, err error) {
	err = r.reading.Do(ctx, partition, func(client *redis.Client) (err error) {
		reply, err = r.script.Run(ctx, client, partition, args...)
		return err
	})
	return reply, err
}

// wait waits until Redis was told what was said of some partitions until now.
func (r *Roster) wait(ctx context.Context, parts ...int) error {
	told := make([]<-chan struct{}, 0, len(parts))
	for _, p := range parts {
		if c := r.wishes.wait(p); c != nil {
			told = append(told, c)
		}
	}
	for _, c := range told {
		select {
		case <-c:
		case <-ctx.Done():
			return fmt.Errorf("waiting for Redis: %w", context.Cause(ctx))
		}
	}
	return nil
}

// everyPartition are the numbers of all partitions.
func everyPartition() []int {
	all := make([]int, partitions)
	for p := range all {
		all[p] = p
	}
	return all
}

// partitionsOf are those of some channels of an app.
func partitionsOf(appID string, channels []string) (some []int) {
	var has [partitions]bool
	for _, channel := range channels {
		if p := partitionOf(appID, channel); !has[p] {
			has[p] = true
			some = append(some, p)
		}
	}
	return some
}
