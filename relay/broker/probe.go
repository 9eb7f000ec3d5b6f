package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/masks"
	"buildrelay/relay/redisconn"
)

// probe does, to a channel that nobody uses, what nodes and backends do.
type probe struct {
	broker       *Broker
	app, channel string
	ids          []string // of the events that it appended
	keys         []string // others that it wrote
}

// newProbe returns one of a channel that the master at address has.
func (b *Broker) newProbe(ctx context.Context, appID, address string) (*probe, error) {
	m, err := b.config.Redis.Known(ctx)
	if err != nil {
		return nil, err
	}
	for range 10_000 { // each master has at least one of so many
		p := &probe{broker: b, app: appID, channel: "private-redis-check-" + rand.Text()}
		if m.Of(p.key()) == address {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s has hardly a key", address)
}

func (p *probe) name() string { return p.broker.names.own(p.app, p.channel) }
func (p *probe) key() string  { return p.broker.names.log(p.app, p.channel) }

// hear subscribes, publishes and waits for what it published.
func (p *probe) hear(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	sub := client.Subscribe(ctx, p.broker.names.heartbeat, p.name())
	defer sub.Close()
	for range 2 {
		if _, err := sub.Receive(ctx); err != nil {
			return err
		}
	}
	if err := errors.Join(p.publish(ctx), client.Publish(ctx, p.broker.names.heartbeat, "").Err()); err != nil {
		return err
	}
	for range 2 {
		if _, err := sub.ReceiveMessage(ctx); err != nil {
			return err
		}
	}
	if err := sub.Unsubscribe(ctx, p.name()); err != nil {
		return err
	}
	_, err = sub.Receive(ctx)
	return err
}

// client is that of the master that has what the probe writes.
func (p *probe) client(ctx context.Context) (*redis.Client, error) {
	return p.broker.pool.Of(ctx, p.key())
}

// do runs a command on that master.
func (p *probe) do(ctx context.Context, do func(*redis.Client) error) error {
	return p.broker.pool.Do(ctx, p.key(), do)
}

func (p *probe) publish(ctx context.Context) error {
	return p.do(ctx, func(client *redis.Client) error { return client.Publish(ctx, p.name(), "").Err() })
}

// append appends as a backend does, by the script.
func (p *probe) append(ctx context.Context) error { return p.appendMany(ctx, 1) }

// appendBatch appends as a node does for a batch, and more than the log retains.
func (p *probe) appendBatch(ctx context.Context) error { return p.appendMany(ctx, 2) }

func (p *probe) appendMany(ctx context.Context, n int) error {
	rule := &protocol.LogRule{Events: 1, Bytes: protocol.MaxRedisData, Keep: leaseTime}
	var appends []*appending
	for range n {
		e := protocol.Event{Name: "check", ID: rand.Text()}
		p.ids = append(p.ids, e.ID)
		appends = append(appends, &appending{key: p.key(), args: []any{e.Name, e.Data, e.ID, appendOptions(e, rule)}})
	}
	return p.broker.send(ctx, outgoing{appends: appends})
}

// call appends as a backend does, by the function, and more than the log retains.
func (p *probe) call(ctx context.Context) error {
	for range 2 {
		id := rand.Text()
		p.ids = append(p.ids, id)
		err := p.do(ctx, func(client *redis.Client) error {
			return client.FCall(ctx, functionName, []string{p.key()}, "check", "", id, `{"maxlen":1,"ttl":30}`).Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load makes the scripts known, which they may have been before.
func (p *probe) load(ctx context.Context) error {
	all := p.broker.scripts
	for _, s := range []redisconn.Script{all.append, all.read, all.watch, all.once, all.mask} {
		if err := p.do(ctx, func(client *redis.Client) error { return s.Load(ctx, client) }); err != nil {
			return err
		}
	}
	return nil
}

func (p *probe) read(ctx context.Context) error {
	for _, kind := range []string{"first", "bytes"} {
		err := p.do(ctx, func(client *redis.Client) error {
			_, err := p.broker.scripts.read.Run(ctx, client, p.key(), kind, "0", pageEntries, pageBytes)
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err := p.broker.LogTops(ctx, []protocol.ChannelName{{App: p.app, Channel: p.channel}})
	return err
}

func (p *probe) watch(ctx context.Context) error {
	for _, seconds := range []int{1, 0} {
		err := p.do(ctx, func(client *redis.Client) error {
			_, err := p.broker.scripts.watch.Run(ctx, client, p.key()+watchedSuffix, "check", seconds)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// once publishes an event that has an id, as a node does for a call that may come again.
func (p *probe) once(ctx context.Context) error {
	for _, cached := range []bool{false, true} {
		m := &message{home: p.key(), name: p.name(), once: p.key() + onceSuffix + rand.Text()}
		if cached {
			m.cached, m.key, m.ttl = []byte("{}"), protocol.CacheKey(p.broker.config.Prefix, p.app, p.channel), leaseTime
		}
		p.keys = append(p.keys, m.once)
		if err := p.broker.send(ctx, outgoing{messages: []*message{m}}); err != nil {
			return err
		}
	}
	key := rand.Text()
	p.keys = append(p.keys, p.broker.names.call(p.app, key))
	for range 2 {
		if _, err := p.broker.Claim(ctx, p.app, key, "check"); err != nil {
			return err
		}
	}
	return nil
}

// cache keeps an event as a node does, and reads it.
func (p *probe) cache(ctx context.Context) error {
	e := protocol.Event{Name: "check", Channel: p.channel}
	if err := p.broker.send(ctx, outgoing{messages: p.broker.names.messages(p.app, []protocol.Event{e}, leaseTime)}); err != nil {
		return err
	}
	client, err := p.client(ctx)
	if err != nil {
		return err
	}
	_, err = p.broker.readCachesAt(ctx, client, rand.Text(), []protocol.ChannelName{{App: p.app, Channel: p.channel}})
	return err
}

// mask registers something for an app that is none, takes it back, and reads what there is.
func (p *probe) mask(ctx context.Context) error {
	s := masks.Stored{App: "check-" + rand.Text(), Channel: p.channel, Until: time.Now().Add(time.Hour), Sealed: sealedProbe}
	p.keys = append(p.keys, p.broker.names.masks(s.App))
	for range 2 {
		if _, err := p.broker.register(ctx, s); err != nil {
			return err
		}
		if _, _, err := p.broker.readMasks(ctx, s.App); err != nil {
			return err
		}
		s.Sealed = ""
	}
	return nil
}

// sealedProbe looks like what is sealed, and can be opened by nobody.
const sealedProbe = "relay-sealed:1:Y2hlY2s:Y2hlY2s"

// tell tells all nodes something that is kept, on a topic that nobody hears, and reads it.
func (p *probe) tell(ctx context.Context) error {
	topic := "check-" + rand.Text()
	keep := Keeping{Of: p.app, For: leaseTime, Most: 1}
	p.keys = append(p.keys, p.broker.names.told(topic, keep.Of))
	if _, err := p.broker.TellKept(ctx, topic, "check", keep); err != nil {
		return err
	}
	_, _, err := p.broker.Kept(ctx, topic, keep)
	return err
}

// remove removes what the probe wrote.
func (p *probe) remove(ctx context.Context) error {
	keys := []string{p.key(), p.key() + metaSuffix, protocol.CacheKey(p.broker.config.Prefix, p.app, p.channel)}
	keys = append(keys, p.keys...)
	for _, id := range p.ids {
		keys = append(keys, p.key()+idSuffix+id)
	}
	var errs []error
	for _, key := range keys { // one by one: they may be of several slots
		errs = append(errs, p.broker.pool.Do(ctx, key, func(client *redis.Client) error { return client.Del(ctx, key).Err() }))
	}
	return errors.Join(errs...)
}
