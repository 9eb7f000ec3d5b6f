package api

import (
	"encoding/json"
	"net/url"
	"slices"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// publication is the body of POST events, and an element of a batch. A nil member was
// not given.
type publication struct {
	name, channel, socketID, info *string
	data                          *string // a string as it is, anything else as JSON
	channels                      []string
	appending
}

// parsePublication reads a JSON object as strictly as what WebSockets bring: a member
// that comes twice, or in another case, is refused, so that nobody before the relay can
// take it for another event. Members that are not known are ignored.
func parsePublication(text []byte) (*publication, error) {
	v, _, err := protocol.ReadObject(text,
		"name", "channel", "socket_id", "info", "data", "channels", "id", "begin", "epoch", "final")
	if err != nil {
		return nil, badRequest("the body is not the JSON that is expected: %s", err)
	}
	p := &publication{}
	for i, s := range []struct {
		name string
		into **string
	}{{"name", &p.name}, {"channel", &p.channel}, {"socket_id", &p.socketID}, {"info", &p.info}} {
		if *s.into, err = optionalText(s.name, v[i]); err != nil {
			return nil, err
		}
	}
	if p.data, err = dataOf(v[4]); err != nil {
		return nil, err
	}
	if p.channels, err = texts("channels", v[5]); err != nil {
		return nil, err
	}
	return p, p.appending.read(v[6:])
}

// dataOf returns data as it is delivered: a string as it is, anything else as it is
// written; nil where there is none.
func dataOf(value json.RawMessage) (*string, error) {
	if len(value) > 0 && value[0] != '"' {
		text := string(value)
		return &text, nil
	}
	return optionalText("data", value)
}

// complete adds what the query gives, as very old senders do. What is given in both
// places could be taken for either, and is refused.
func (p *publication) complete(query url.Values) error {
	for _, s := range []struct {
		name string
		into **string
	}{{"name", &p.name}, {"channel", &p.channel}, {"socket_id", &p.socketID}, {"info", &p.info}, {"data", &p.data}} {
		values := query[s.name]
		if len(values) > 1 || len(values) == 1 && *s.into != nil {
			return badRequest("%s must be given once", s.name)
		}
		if len(values) == 1 {
			*s.into = &values[0]
		}
	}
	channels := query["channels[]"]
	if channels != nil && p.channels != nil {
		return badRequest("channels must be given in the body or in the query, not in both")
	}
	if channels != nil {
		p.channels = channels
	}
	return nil
}

// asked is what the publication asks about its channels.
func (p *publication) asked() []string {
	if p.info == nil {
		return nil
	}
	return parseInfo(*p.info)
}

// events returns one event for each channel, checked.
func (p *publication) events(app *auth.App) ([]protocol.Event, error) {
	channels, err := p.targets(app)
	if err != nil {
		return nil, err
	}
	var e protocol.Event
	if p.name != nil {
		e.Name = *p.name
	}
	if p.data == nil {
		return nil, badRequest("the event has no data")
	}
	e.Data = *p.data
	if p.socketID != nil {
		if err := protocol.CheckSocketID(*p.socketID); err != nil {
			return nil, badRequest("Invalid socket_id: it must be two numbers joined by a dot, such as 1234.5678")
		}
		e.Exclude = *p.socketID
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
	channels := p.channels
	switch {
	case p.channel != nil && p.channels != nil:
		return nil, badRequest("name either channel or channels, not both")
	case p.channel != nil:
		channels = []string{*p.channel}
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
