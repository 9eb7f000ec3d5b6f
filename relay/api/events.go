package api

import (
	"context"
	"encoding/json"
	"slices"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// publication is the body of POST events, and an element of a batch.
type publication struct {
	Name     string          `json:"name"`
	Data     json.RawMessage `json:"data"`
	Channel  *string         `json:"channel"`
	Channels []string        `json:"channels"`
	SocketID *string         `json:"socket_id"`
	Info     string          `json:"info"`
	appending
}

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
	var p publication
	if err := decode(c.body, &p); err != nil {
		return nil, err
	}
	return a.post(ctx, c.app, &p)
}

// postChannelEvent is the deprecated way to publish: the body is the data.
func (a *API) postChannelEvent(ctx context.Context, c *call) (reply, error) {
	data, err := json.Marshal(string(c.body))
	if err != nil {
		return nil, badRequest("the body is not text")
	}
	p := publication{Name: c.query.Get("name"), Data: data, Channel: &c.name, Info: c.query.Get("info")}
	if c.query.Has("socket_id") {
		id := c.query.Get("socket_id")
		p.SocketID = &id
	}
	return a.post(ctx, c.app, &p)
}

func (a *API) post(ctx context.Context, app *auth.App, p *publication) (reply, error) {
	events, err := p.events(app)
	if err != nil {
		return nil, err
	}
	told, err := a.attributesOf(ctx, app.ID, events, parseInfo(p.Info))
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, app, events, published{Channels: told})
}

func (a *API) postBatch(ctx context.Context, c *call) (reply, error) {
	var body struct {
		Batch []publication `json:"batch"`
	}
	if err := decode(c.body, &body); err != nil {
		return nil, err
	}
	if limit := c.app.Limits.Batch; len(body.Batch) == 0 || len(body.Batch) > limit {
		return nil, badRequest("batch must hold 1 to %d events, not %d", limit, len(body.Batch))
	}
	var events []protocol.Event
	for i, p := range body.Batch {
		if p.Channel == nil {
			return nil, badRequest("event %d of the batch has no channel", i)
		}
		more, err := p.events(c.app)
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	told, err := a.batchAttributes(ctx, c.app.ID, body.Batch)
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, c.app, events, published{Batch: told})
}

// publish publishes the events. What is told about their channels was found out before:
// a sender who is told of a failure publishes again.
func (a *API) publish(ctx context.Context, app *auth.App, events []protocol.Event, answer published) (reply, error) {
	receipt, err := a.Publisher.Publish(ctx, app.ID, events)
	if err != nil {
		return nil, err
	}
	answer.Relay = newReceipt(receipt)
	return answer, nil
}

func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return badRequest("the body is not the JSON that is expected: %s", err)
	}
	return nil
}

// events returns one event for each channel, checked.
func (p *publication) events(app *auth.App) ([]protocol.Event, error) {
	channels, err := p.targets(app)
	if err != nil {
		return nil, err
	}
	e := protocol.Event{Name: p.Name}
	if e.Data, err = p.data(); err != nil {
		return nil, err
	}
	if p.SocketID != nil {
		if err := protocol.CheckSocketID(*p.SocketID); err != nil {
			return nil, badRequest("Invalid socket_id: it must be two numbers joined by a dot, such as 1234.5678")
		}
		e.Exclude = *p.SocketID
	}
	if err := p.appending.set(&e, len(channels)); err != nil {
		return nil, err
	}
	if err := e.Check(app.Limits); err != nil {
		return nil, err
	}
	events := make([]protocol.Event, 0, len(channels))
	for _, channel := range channels {
		e.Channel = channel
		events = append(events, e)
	}
	return events, nil
}

// targets returns the channels, each once, in their order.
func (p *publication) targets(app *auth.App) ([]string, error) {
	channels := p.Channels
	switch {
	case p.Channel != nil && p.Channels != nil:
		return nil, badRequest("name either channel or channels, not both")
	case p.Channel != nil:
		channels = []string{*p.Channel}
	}
	if limit := app.Limits.Channels; len(channels) == 0 || len(channels) > limit {
		return nil, badRequest("an event goes to 1 to %d channels, not %d", limit, len(channels))
	}
	var unique []string
	encrypted := false
	for _, channel := range channels {
		if err := protocol.CheckChannel(channel, app.Limits.ChannelName); err != nil {
			return nil, err
		}
		encrypted = encrypted || protocol.KindOf(channel).Encrypted()
		if !slices.Contains(unique, channel) {
			unique = append(unique, channel)
		}
	}
	if encrypted && len(unique) > 1 {
		return nil, badRequest("an event for an encrypted channel goes to that channel alone")
	}
	return unique, nil
}

// data returns the event's data: a string as it is, anything else as JSON.
func (p *publication) data() (string, error) {
	if len(p.Data) == 0 || string(p.Data) == "null" {
		return "", badRequest("the event has no data")
	}
	if p.Data[0] != '"' {
		return string(p.Data), nil
	}
	var s string
	if err := decode(p.Data, &s); err != nil {
		return "", err
	}
	return s, nil
}
