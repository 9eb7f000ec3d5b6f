package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"

	"buildrelay/protocol"
)

// The members of events, in this order (protocol.md 5).
type (
	toldBody struct {
		Time   int64 `json:"time_ms"`
		Events []any `json:"events"`
	}
	toldChannel struct {
		Name    string `json:"name"`
		Channel string `json:"channel"`
	}
	toldMember struct {
		toldChannel
		UserID string `json:"user_id"`
	}
	toldClientEvent struct {
		toldChannel
		Event    string `json:"event"`
		Data     string `json:"data"`
		SocketID string `json:"socket_id"`
		UserID   string `json:"user_id,omitempty"`
	}
	toldCount struct {
		toldChannel
		Count int `json:"subscription_count"`
	}
)

// body returns the body of a request that tells events.
func body(events []*event) ([]byte, error) {
	told := toldBody{Time: events[len(events)-1].Time.UnixMilli()}
	for _, e := range events {
		told.Events = append(told.Events, tell(e.Occurrence))
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(told); err != nil {
		return nil, fmt.Errorf("encoding a webhook's body: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

func tell(o protocol.Occurrence) any {
	channel := toldChannel{o.Kind, o.Channel}
	switch o.Kind {
	case protocol.HookMemberAdded, protocol.HookMemberRemoved:
		return toldMember{channel, o.UserID}
	case protocol.HookClientEvent:
		return toldClientEvent{channel, o.Event, o.Data, o.SocketID, o.UserID}
	case protocol.HookCount:
		return toldCount{channel, o.Count}
	}
	return channel
}
