package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

// Measured is how a master does, and what it is like.
type Measured struct {
	Address string
	// Trip is the shortest of a few ways of a heartbeat to the master and back.
	Trip time.Duration
	// Ahead is how far the master's clock is ahead of this machine's; less than 0: behind.
	Ahead time.Duration
	// Used and Most are bytes; Most is 0 where no maxmemory is set, and both are where the user
	// may not ask.
	Used, Most int64
	// Open says that Redis lets in who shows nothing, neither a password nor a certificate, AllRights
	// that the user may do what no node does: read the settings of Redis.
	Open, AllRights bool
}

// trips is how many heartbeats are sent to measure how long they take.
const trips = 5

// Measure measures all masters. Anybody may call it; it waits for Redis as long as ctx lets it.
func (b *Broker) Measure(ctx context.Context) ([]Measured, error) {
	m, err := b.config.Redis.Known(ctx)
	if err != nil {
		return nil, err
	}
	var all []Measured
	for _, address := range m.Masters() {
		client, err := b.pool.At(m, address)
		if err != nil {
			return nil, err
		}
		one, err := b.measure(ctx, client, address)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", address, err)
		}
		all = append(all, one)
	}
	return all, nil
}

func (b *Broker) measure(ctx context.Context, client *redis.Client, address string) (Measured, error) {
	one := Measured{Address: address, Open: b.isOpen(ctx, address), AllRights: b.may(ctx, client, "CONFIG", "GET", "maxmemory")}
	var err error
	if one.Trip, err = b.measureTrip(ctx, client); err != nil {
		return one, err
	}
	if one.Ahead, err = measureClock(ctx, client); err != nil {
		return one, err
	}
	info, err := askInfo(ctx, client)
	if err != nil && !onlyReplies(err) {
		return one, err
	}
	one.Used, one.Most = bytesOf(info["used_memory"]), bytesOf(info["maxmemory"])
	return one, nil
}

// bytesOf reads a number of INFO; 0 where there is none.
func bytesOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// measureTrip publishes heartbeats and waits for each.
func (b *Broker) measureTrip(ctx context.Context, client *redis.Client) (best time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*linkTimeout)
	defer cancel()
	sub := client.Subscribe(ctx, b.names.heartbeat)
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		return 0, err
	}
	for range trips {
		began := time.Now()
		if err := client.Publish(ctx, b.names.heartbeat, "").Err(); err != nil {
			return 0, err
		}
		if _, err := sub.ReceiveMessage(ctx); err != nil {
			return 0, err
		}
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}

// measureClock asks for the time, and takes the quickest answer, which is the least wrong.
func measureClock(ctx context.Context, client *redis.Client) (ahead time.Duration, err error) {
	var best time.Duration
	for range trips {
		began := time.Now()
		there, err := client.Time(ctx).Result()
		took := time.Since(began)
		switch {
		case redisconn.IsReply(err, "NOPERM"):
			return 0, errors.New("the user may not ask for the time (TIME)")
		case err != nil:
			return 0, err
		case best == 0 || took < best:
			best, ahead = took, there.Sub(began.Add(took/2))
		}
	}
	return ahead, nil
}
