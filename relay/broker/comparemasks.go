package broker

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/masks"
	"buildrelay/relay/redisconn"
)

const (
	// masksEvery is how often it is compared with Redis what is registered: what a node has
	// not heard it does not miss for longer.
	masksEvery = 30 * time.Second
	// masksAgain is the pause before that is tried again.
	masksAgain = time.Second
	// masksPatience is how long a new link waits for it: less than it may be silent.
	masksPatience = time.Second
)

// RereadMasks makes the broker read again what is registered to be masked: it can be opened now,
// perhaps, or there are other apps. It does not wait.
func (b *Broker) RereadMasks() {
	if b.masking.by != nil {
		b.masking.book.reset()
	}
}

// masksTopics is what nodes tell each other of what is registered; none where nothing is masked.
func (b *Broker) masksTopics() []Topic {
	if b.masking.by == nil {
		return nil
	}
	return []Topic{{Name: masksTopic, Begin: b.beginMasks, Hear: b.hearMask}}
}

// beginMasks reads what was registered while nothing was heard, as far as it can be read now. The
// rest is left to attendMasks: while a master is away, or an app's cannot be read, others go on.
func (b *Broker) beginMasks(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, masksPatience)
	defer cancel()
	if b.compareMasks(ctx) != nil {
		b.masking.book.compare()
	}
	return nil
}

// hearMask takes in what a node, or a backend, has registered.
func (b *Broker) hearMask(text string) {
	s, ok := parseMask(text)
	if !ok {
		b.drop("invalid")
		return
	}
	b.masking.by.Hear(s)
	b.masking.book.hear(s.App, s.Version)
}

// attendMasks compares what is known with Redis, now and then, until ctx ends.
func (b *Broker) attendMasks(ctx context.Context) {
	if b.masking.by == nil {
		return
	}
	failing := false
	for ctx.Err() == nil {
		wait := masksEvery
		err := b.compareMasks(ctx)
		if err != nil {
			wait = masksAgain
		}
		if failed := err != nil && ctx.Err() == nil; failed != failing {
			failing = failed
			if failed {
				b.log.Warn("what is registered to be masked cannot be read", "error", err)
			}
		}
		b.masking.book.rest(ctx, wait, err != nil)
	}
}

// compareMasks compares what is known with Redis, and reads what differs. Where that fails for an
// app what is known of it stays, and the others are read all the same; the error is one of an app.
// It waits for Redis. Several may run at a time: what is read joins what is known (see [MaskBook]).
func (b *Broker) compareMasks(ctx context.Context) error {
	apps := b.config.Apps()
	b.masking.book.keep(apps)
	home := func(i int) string { return b.names.masks(apps[i]) }
	err := b.pool.DoParts(ctx, len(apps), home, func(p redisconn.Part) error {
		return b.compareMasksAt(ctx, p.Client, pick(apps, p.Items))
	})
	if err != nil {
		return fmt.Errorf("reading what is registered to be masked: %w", err)
	}
	return nil
}

// compareMasksAt does that for the apps of one master, of which it asks the versions in one round
// trip.
func (b *Broker) compareMasksAt(ctx context.Context, client *redis.Client, apps []string) (first error) {
	pipe := client.Pipeline()
	replies := make([]*redis.StringCmd, len(apps))
	for i, id := range apps {
		replies[i] = pipe.HGet(ctx, b.names.masks(id), "#v")
	}
	_, _ = pipe.Exec(ctx) // each reply has its error
	for i, id := range apps {
		version, err := maskVersion(replies[i])
		if redisconn.IsReply(err, "NOPERM") {
			version, err = noVersion, nil
		}
		if err == nil {
			err = b.catchUp(ctx, id, version)
		}
		first = cmp.Or(first, err)
	}
	return first
}

// catchUp reads what an app has registered if Redis' version of it is not the known one.
func (b *Broker) catchUp(ctx context.Context, appID string, version int64) error {
	book := b.masking.book
	known, heard, differs := book.differs(appID, version)
	switch {
	case !differs:
		return nil
	case known == 0 && version == 0: // nothing was ever registered, and what was heard since is newer
		book.read(appID, 0, heard)
		return nil
	}
	err := b.masking.by.Load(appID, func() (all []masks.Stored, err error) {
		all, version, err = b.readMasks(ctx, appID)
		return all, err
	})
	if redisconn.IsReply(err, "NOPERM") {
		b.warnForbidden(err)
		version, err = noVersion, nil
	}
	if err != nil {
		return fmt.Errorf("app %s: %w", appID, err)
	}
	book.read(appID, version, heard)
	return nil
}

// warnForbidden logs, once, that the node may not know what is to be masked: it serves what it can.
func (b *Broker) warnForbidden(err error) {
	if !b.masking.forbidden.Swap(true) {
		b.log.Error("Redis does not let this node read what is registered to be masked: nothing of it is masked, but for what it hears", "error", err)
	}
}
