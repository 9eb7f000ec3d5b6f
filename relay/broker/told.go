package broker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

//go:embed lua/tell.lua
var tellText string

// Told is something that was told on a topic by [Broker.TellKept].
type Told struct {
	// Number is its own, in the microseconds of Redis' clock: what was told later has a higher one.
	Number int64
	Text   string
}

// mostNumber is what Redis' numbers are exact up to.
const mostNumber = 1 << 53

// ParseTold reads what [Topic.Hear] is called with.
func ParseTold(text string) (Told, error) {
	number, rest, _ := strings.Cut(text, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > mostNumber {
		return Told{}, errors.New("what was told has no number")
	}
	return Told{n, rest}, nil
}

// Keeping says how what is told is kept.
type Keeping struct {
	// Of says of whom it is: of each as much is kept as if there were no others.
	Of  string
	For time.Duration // whole seconds
	// Most is how much is kept, and so may be told in that time. What is told once more counts
	// once.
	Most int
	// Above is a number that the next is to be above, whatever Redis has lost.
	Above int64
	// Ahead is by how much a number may be ahead of Redis' clock, in whole seconds: others are
	// not kept, and Above does not count then.
	Ahead time.Duration
}

// ErrToldFull says that as much was told as is kept.
var ErrToldFull = errors.New("as much was told as is kept")

// TellKept is [Broker.Tell] for what also those are to hear who do not hear Redis now: it can be
// read by [Broker.Kept]. It returns its number. The error is [ErrToldFull] where it may not be told.
func (b *Broker) TellKept(ctx context.Context, topic, text string, keep Keeping) (number int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	name := b.names.told(topic, keep.Of)
	var answer any
	err = b.pool.Do(ctx, name, func(client *redis.Client) (err error) {
		answer, err = redisconn.NewScript(tellText).Run(
			ctx, client, name, b.names.topic(topic), text, int(keep.For/time.Second), keep.Most, keep.Above, int(keep.Ahead/time.Second),
		)
		return err
	})
	var reply redis.Error
	if errors.As(err, &reply) && strings.Contains(reply.Error(), "TOLDFULL") { // the built-in Redis wraps it
		return 0, ErrToldFull
	}
	if err == nil {
		number, err = strconv.ParseInt(fmt.Sprint(answer), 10, 64)
	}
	if err != nil {
		return 0, fmt.Errorf("telling other nodes: %w", err)
	}
	return number, nil
}

// toldAtATime is how much of what was told is read at a time.
const toldAtATime = 1000

// Kept returns what was told on a topic, and is kept, the oldest first; of keep that are Of, For and
// Ahead. What was told before asOf, in the microseconds of Redis' clock, is all there.
func (b *Broker) Kept(ctx context.Context, topic string, keep Keeping) (all []Told, asOf int64, err error) {
	name := b.names.told(topic, keep.Of)
	err = b.pool.Do(ctx, name, func(client *redis.Client) error {
		now, err := client.Time(ctx).Result()
		if err == nil {
			all, err = readKept(ctx, client, name, now.Add(-keep.For).UnixMicro(), now.Add(keep.Ahead).UnixMicro())
		}
		asOf = now.UnixMicro()
		return err
	})
	if isWrongType(err) { // a stranger's: nothing was told
		return nil, asOf, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading what was told: %w", err)
	}
	return all, asOf, nil
}

// readKept reads what has a number from one to another. What is told once more meanwhile is read
// once more.
func readKept(ctx context.Context, client *redis.Client, name string, from, to int64) (all []Told, err error) {
	page := redis.ZRangeArgs{Key: name, ByScore: true, Start: from, Stop: to, Count: toldAtATime}
	for {
		entries, err := client.ZRangeArgsWithScores(ctx, page).Result()
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			page.Start = "(" + strconv.FormatFloat(e.Score, 'f', -1, 64)
			if text, ok := e.Member.(string); ok && e.Score >= 1 {
				all = append(all, Told{int64(e.Score), text})
			}
		}
		if len(entries) < toldAtATime {
			return all, nil
		}
	}
}
