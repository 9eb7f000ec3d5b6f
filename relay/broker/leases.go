package broker

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/redisconn"
)

const (
	// leaseTime is how long a node that says nothing counts as watching.
	leaseTime = 30 * time.Second
	// leaseRefresh is how often it says that it still does.
	leaseRefresh = 10 * time.Second
	// leaseRetry is the pause after Redis could not be told.
	leaseRetry = time.Second
)

// leases tells backends, in Redis, which logs this node watches, so that they may save
// themselves the hurry while nobody does. That is no part of any promise: what fails is
// told again later, and nobody waits for it.
type leases struct {
	// Static.
	pool    *redisconn.Pool
	script  redisconn.Script
	names   names
	log     *slog.Logger
	refresh time.Duration
	// changed holds one signal, sent when there is something to tell Redis.
	changed chan struct{}

	mu  sync.Mutex
	all map[channelKey]*lease
	due map[channelKey]bool // what Redis has to be told of
}

// lease is one log's: what it is to be, and whether Redis may know of it.
type lease struct{ wanted, told bool }

func newLeases(pool *redisconn.Pool, s redisconn.Script, n names, log *slog.Logger) *leases {
	return &leases{
		pool: pool, script: s, names: n, log: log, refresh: leaseRefresh,
		changed: make(chan struct{}, 1),
		all:     make(map[channelKey]*lease),
		due:     make(map[channelKey]bool),
	}
}

// watch takes a lease, if there is none yet.
func (l *leases) watch(key channelKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[key] == nil {
		l.all[key] = &lease{}
	}
	if !l.all[key].wanted {
		l.all[key].wanted = true
		l.owe(key)
	}
}

// unwatch gives a lease back, if there is one.
func (l *leases) unwatch(key channelKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lease := l.all[key]
	switch {
	case lease == nil || !lease.wanted:
	case lease.told:
		lease.wanted = false
		l.owe(key)
	default:
		delete(l.all, key)
		delete(l.due, key)
	}
}

// owe notes that Redis has to be told of a log. The caller holds mu.
func (l *leases) owe(key channelKey) {
	l.due[key] = true
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// renew makes all leases due: their time passes, or Redis may have lost them.
func (l *leases) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.all {
		l.owe(key)
	}
}

// run keeps Redis told until ctx ends, and then gives all leases back.
func (l *leases) run(ctx context.Context) {
	refresh := time.NewTicker(l.refresh)
	defer refresh.Stop()
	for failed := false; ctx.Err() == nil; {
		err := l.tell(ctx)
		if err != nil && ctx.Err() == nil {
			if !failed {
				l.log.Warn("backends cannot be told which logs are watched", "error", err)
			}
			pause(ctx, leaseRetry)
		}
		if failed = err != nil; failed {
			continue
		}
		select {
		case <-l.changed:
		case <-refresh.C:
			l.renew()
		case <-ctx.Done():
		}
	}
	l.release(context.WithoutCancel(ctx))
}

// release gives all leases back. If it can't soon, their time ends them.
func (l *leases) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for key := range l.all { // run alone is left
		l.unwatch(key)
	}
	_ = l.tell(ctx)
}

// tell tells Redis all that is due.
func (l *leases) tell(ctx context.Context) error {
	for {
		due := l.take(batch)
		if len(due) == 0 {
			return nil
		}
		if err := l.send(ctx, due); err != nil {
			return err
		}
	}
}

// taken is what is to become of a lease.
type taken struct {
	key    channelKey
	wanted bool
}

// take takes at most limit of what is due.
func (l *leases) take(limit int) []taken {
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []taken
	for key := range l.due {
		if len(due) == limit {
			break
		}
		lease := l.all[key]
		lease.told = lease.told || lease.wanted
		due = append(due, taken{key, lease.wanted})
		delete(l.due, key)
	}
	return due
}

// settle notes that Redis was told, or that it has to be told again.
func (l *leases) settle(t taken, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.due[t.key] = true
	case !t.wanted && !l.all[t.key].wanted:
		delete(l.all, t.key)
		delete(l.due, t.key)
	}
}

// send tells each master what is due of the logs that it has.
func (l *leases) send(ctx context.Context, due []taken) error {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	parts, err := l.pool.Split(ctx, len(due), func(i int) string { return l.names.log(due[i].key.app, due[i].key.channel) })
	if err != nil {
		for _, t := range due {
			l.settle(t, err)
		}
		return err
	}
	return redisconn.Each(parts, func(p redisconn.Part) error { return l.sendTo(ctx, p.Client, pick(due, p.Items)) })
}

// sendTo tells a master in one round trip.
func (l *leases) sendTo(ctx context.Context, client *redis.Client, due []taken) error {
	pipe := client.Pipeline()
	for _, t := range due {
		seconds := 0
		if t.wanted {
			seconds = int(leaseTime / time.Second)
		}
		pipe.EvalSha(ctx, l.script.SHA, []string{l.names.log(t.key.app, t.key.channel) + watchedSuffix}, l.names.node, seconds)
	}
	replies, failed := pipe.Exec(ctx)
	answered := failed == nil || slices.ContainsFunc(replies, func(r redis.Cmder) bool { return r.Err() != nil })
	for i, t := range due {
		err := failed
		if answered {
			err = replies[i].Err()
		}
		l.settle(t, err)
	}
	if redisconn.IsReply(failed, redisconn.NoScript) {
		return l.script.Load(ctx, client)
	}
	return failed
}
