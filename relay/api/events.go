package api

import (
	"context"
	"encoding/json"

	"buildrelay/protocol"
)

// published is the answer to a publication: an empty JSON object unless there is
// something to tell.
type published struct {
	// Channels are those of an event that asked for info, Batch those of the events of
	// a batch, in its order, if one of them did.
	Channels map[string]attributes `json:"channels,omitzero"`
	Batch    []attributes          `json:"batch,omitzero"`
	Relay    *receipt              `json:"relay,omitzero"`
}

func (a *API) postEvents(ctx context.Context, c *call) (reply, error) {
	p := &publication{}
	if len(c.body) > 0 {
		var err error
		if p, err = parsePublication(c.body); err != nil {
			return nil, err
		}
	}
	if err := p.complete(c.query); err != nil {
		return nil, err
	}
	return a.post(ctx, c, p)
}

// postChannelEvent is the deprecated way to publish: the body is the data.
func (a *API) postChannelEvent(ctx context.Context, c *call) (reply, error) {
	data := string(c.body)
	p := &publication{channel: &c.name, data: &data}
	if err := p.complete(c.query); err != nil {
		return nil, err
	}
	return a.post(ctx, c, p)
}

func (a *API) post(ctx context.Context, c *call, p *publication) (reply, error) {
	events, err := c.eventsOf(p)
	if err != nil {
		return nil, err
	}
	c.nameEvents(events, 0)
	if err := a.admit(ctx, c, 1); err != nil {
		return nil, err
	}
	told, err := a.attributesOf(ctx, c.app.ID, events, p.asked())
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, c, events, published{Channels: told})
}

func (a *API) postBatch(ctx context.Context, c *call) (reply, error) {
	batch, err := parseBatch(c.body, c.app.Limits.Batch)
	if err != nil {
		return nil, err
	}
	var events []protocol.Event
	for i, p := range batch {
		if p.channel == nil {
			return nil, badRequest("event %d of the batch has no channel", i)
		}
		more, err := c.eventsOf(p)
		if err != nil {
			return nil, err
		}
		c.nameEvents(more, i)
		events = append(events, more...)
	}
	if err := a.admit(ctx, c, len(batch)); err != nil {
		return nil, err
	}
	told, err := a.batchAttributes(ctx, c.app.ID, batch)
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, c, events, published{Batch: told})
}

// parseBatch reads the body of POST batch_events, of 1 to limit events.
func parseBatch(body []byte, limit int) ([]*publication, error) {
	v, _, err := protocol.ReadObject(body, "batch")
	if err != nil {
		return nil, badRequest("the body is not the JSON that is expected: %s", err)
	}
	var elements []json.RawMessage
	if v[0] != nil {
		if err := json.Unmarshal(v[0], &elements); err != nil {
			return nil, badRequest("batch must be a list of events")
		}
	}
	if len(elements) == 0 || len(elements) > limit {
		return nil, badRequest("batch must hold 1 to %d events, not %d", limit, len(elements))
	}
	batch := make([]*publication, len(elements))
	for i, element := range elements {
		if batch[i], err = parsePublication(element); err != nil {
			return nil, err
		}
	}
	return batch, nil
}

// admit lets a call that publishes pass, unless the app has published too much in this
// second, or the call has the Idempotency-Key of another one.
func (a *API) admit(ctx context.Context, c *call, events int) error {
	if err := a.allow(c.app, publishes, events); err != nil {
		return err
	}
	return a.claim(ctx, c)
}

// publish publishes the events. What is told about their channels was found out before:
// a sender who is told of a failure publishes again.
func (a *API) publish(ctx context.Context, c *call, events []protocol.Event, answer published) (reply, error) {
	receipt, err := a.Publisher.Publish(ctx, c.app.ID, events)
	if err != nil {
		return nil, err
	}
	a.notePublished(c, events, receipt)
	answer.Relay = newReceipt(receipt)
	return answer, nil
}
