package broker

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/masks"
)

// Masks know what is registered to be masked, and mask it; [masks.Masks] do.
type Masks interface {
	MaskBook
	Masker
}

// MaskBook takes what is registered.
type MaskBook interface {
	// Load takes all that is registered with an app, which read returns: of two of a channel the
	// newer counts, and what is known stays where Redis has none, until it ends. After an error
	// of read, which it returns, nothing has changed.
	Load(appID string, read func() ([]masks.Stored, error)) error
	// Hear takes one registration. It does not block.
	Hear(s masks.Stored)
}

// Masker masks events, in place.
type Masker interface {
	// Applies says whether the events of a channel are to be masked at all.
	Applies(appID, channel string) bool
	// Publishing masks events that this node is about to publish.
	Publishing(appID string, events []protocol.Event)
	// Showing masks an event that anybody has published. before is the data of the one before
	// it, as it was published, "" where there is none or nobody knows. One of a log that is
	// changed has other data then than the log, and Link.Sealed says so.
	Showing(appID string, e *protocol.Event, before string, place masks.Place)
}

// masking is what a broker masks by. With a nil by nothing is.
type masking struct {
	by   Masks
	book *maskBook
	// last are the events before those that are heard next. Owned by Run.
	last lastEvents
	// forbidden says that the node may not read what is registered, and that this was logged.
	forbidden atomic.Bool
}

// applies says whether events of a channel are to be masked.
func (m *masking) applies(appID, channel string) bool {
	return m.by != nil && m.by.Applies(appID, channel)
}

// hear takes what this node itself has registered.
func (m *masking) hear(s masks.Stored) {
	if m.by != nil {
		m.by.Hear(s)
	}
}

// ready waits until it is known what an app has registered, but not beyond ctx.
func (m *masking) ready(ctx context.Context, appID string) error {
	if m.by == nil {
		return nil
	}
	return m.book.await(ctx, appID)
}

// publishing returns what is published in the place of events, which stay as they are; masked
// says that it is something else, perhaps. It may wait.
func (m *masking) publishing(ctx context.Context, appID string, events []protocol.Event) (out []protocol.Event, masked bool, err error) {
	if m.by == nil || !slices.ContainsFunc(events, isNoClients) {
		return events, false, nil
	}
	if err := m.ready(ctx, appID); err != nil {
		return nil, false, err
	}
	if !slices.ContainsFunc(events, func(e protocol.Event) bool { return m.by.Applies(appID, e.Channel) }) {
		return events, false, nil
	}
	out = slices.Clone(events)
	m.by.Publishing(appID, out)
	return out, true, nil
}

func isNoClients(e protocol.Event) bool { return !protocol.IsClientEvent(e.Name) }

// showLive masks an event that was heard, and says whether to hand it on. An event of a log that
// may go on from one that was not heard is withheld: in the log it is masked whole. Only the loop
// that receives calls it.
func (b *Broker) showLive(appID string, e *protocol.Event) bool {
	m, key := &b.masking, channelKey{appID, e.Channel}
	switch {
	case m.by == nil || !isNoClients(*e):
		return true
	case !m.book.knows(appID):
		return b.withhold(e)
	case !m.by.Applies(appID, e.Channel) || e.Link != nil && e.Link.Unreadable:
		m.last.forget(key)
		return true
	}
	isLog := b.rule(appID, e.Channel) != nil
	if isLog && e.Link == nil { // it is in no log, and before no other
		m.by.Showing(appID, e, "", masks.Delivery)
		return true
	}
	before, known := m.last.before(key, e.Link)
	published := e.Data
	m.by.Showing(appID, e, before, masks.Delivery)
	m.last.keep(key, e.Link, published)
	if isLog && !known {
		e.Link.Withheld = true
	}
	return true
}

// withhold hands on no more of an event than its place in the log, and nothing of another.
func (b *Broker) withhold(e *protocol.Event) bool {
	if e.Link == nil {
		b.drop("masks_unread")
		return false
	}
	*e = protocol.Event{Channel: e.Channel, Link: e.Link}
	e.Link.Withheld = true
	return true
}

// showPage masks the entries of a page, each by what stands before it in the log.
func (b *Broker) showPage(ctx context.Context, appID, channel string, page *protocol.Page) error {
	if len(page.Entries) == 0 || !b.masking.applies(appID, channel) {
		return nil
	}
	last := page.Entries[0].Link.Prev
	before, err := b.dataOf(ctx, appID, channel, protocol.Position{Epoch: page.Top.Epoch, ID: last})
	if err != nil {
		return err
	}
	for i := range page.Entries {
		e := &page.Entries[i]
		if e.Link.Prev != last {
			before = ""
		}
		published := e.Data
		b.masking.by.Showing(appID, e, before, masks.History)
		before, last = published, e.Link.At.ID
	}
	return nil
}

// dataOf returns the data of an entry of a log; "" where it is not there or cannot be read.
func (b *Broker) dataOf(ctx context.Context, appID, channel string, at protocol.Position) (string, error) {
	if at.ID.Offset == 0 {
		return "", nil
	}
	key := b.names.log(appID, channel)
	var found []redis.XMessage
	err := b.pool.Do(ctx, key, func(client *redis.Client) (err error) {
		found, err = client.XRangeN(ctx, key, at.ID.String(), at.ID.String(), 1).Result()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the entry before: %w", err)
	}
	if len(found) == 0 {
		return "", nil
	}
	var fields []string
	for name, value := range found[0].Values {
		fields = append(fields, name, textOf(value))
	}
	e, err := b.readEntry(appID, channel, at.Epoch, rawEntry{found[0].ID, fields})
	if err != nil {
		return "", nil //nolint:nilerr // it is shown to nobody either
	}
	return e.Data, nil
}

// showCached masks what is kept of a cache channel.
func (b *Broker) showCached(appID string, cached *protocol.Cached) error {
	if b.masking.by == nil {
		return nil
	}
	if !b.masking.book.knows(appID) {
		return protocol.ErrMasksUnread
	}
	if b.masking.applies(appID, cached.Event.Channel) {
		b.masking.by.Showing(appID, &cached.Event, "", masks.History)
	}
	return nil
}

// Masked says whether anything is masked on a channel.
func (b *Broker) Masked(appID, channel string) bool { return b.masking.applies(appID, channel) }
