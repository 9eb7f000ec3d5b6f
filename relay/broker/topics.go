package broker

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Topic is something beside channels that all nodes tell each other, on the Redis channel
// PREFIX:~NAME. What is told while a node does not hear Redis it does not get: so it begins
// anew with each link.
type Topic struct {
	Name string // a lowercase word
	// Begin is called once for each link, when the topic is heard and no channel yet: it reads
	// what was told before. It may wait for Redis; the link fails where it does. nil does nothing.
	Begin func(ctx context.Context) error
	// Hear is called with all that is told, in order, by the loop that delivers events, between
	// those that were published before and after it by the same server. It must not block.
	Hear func(text string)
}

// Tell tells all nodes, this one included, what hears a topic. A nil error says that Redis took it.
func (b *Broker) Tell(ctx context.Context, topic, text string) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	name := b.names.topic(topic)
	err := b.pool.Do(ctx, name, func(client *redis.Client) error { return client.Publish(ctx, name, text).Err() })
	if err != nil {
		return fmt.Errorf("telling other nodes: %w", err)
	}
	return nil
}

// beginTopics has Redis tell what is told on topics from now on, and reads what was before.
func (l *link) beginTopics(ctx context.Context) error {
	topics := l.broker.config.Topics
	names := make([]string, len(topics))
	for i, t := range topics {
		names[i] = l.broker.names.topic(t.Name)
	}
	if len(topics) == 0 {
		return nil
	}
	if err := l.pubsub.Subscribe(ctx, names...); err != nil {
		return fmt.Errorf("subscribing to what nodes tell each other: %w", err)
	}
	if err := l.awaitTopics(ctx, len(topics)); err != nil {
		return fmt.Errorf("subscribing to what nodes tell each other: %w", err)
	}
	for _, t := range topics {
		if t.Begin == nil {
			continue
		}
		if err := t.Begin(ctx); err != nil {
			return fmt.Errorf("reading what nodes told each other (%s): %w", t.Name, err)
		}
	}
	return nil
}

// awaitTopics waits until Redis has confirmed so many topics. Of those that it has confirmed
// something may come before the others are.
func (l *link) awaitTopics(ctx context.Context, count int) error {
	for count > 0 {
		answer, err := l.pubsub.Receive(ctx)
		if err != nil {
			return err
		}
		switch answer := answer.(type) {
		case *redis.Subscription:
			count--
		case *redis.Message:
			if t := l.broker.topic(answer.Channel); t != nil {
				t.Hear(answer.Payload)
			}
		}
	}
	return nil
}

// topic finds what a Redis channel stands for, nil where that is no topic.
func (b *Broker) topic(redisChannel string) *Topic {
	for i := range b.config.Topics {
		if t := &b.config.Topics[i]; redisChannel == b.names.topic(t.Name) {
			return t
		}
	}
	return nil
}
