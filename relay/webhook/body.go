package webhook

import (
	"bytes"
	"encoding/json"
	"strconv"

	"buildrelay/protocol"
)

// The members of events, in this order (protocol.md 5).
type (
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
func body(events []*event) []byte {
	told := []byte(`{"time_ms":`)
	told = strconv.AppendInt(told, events[len(events)-1].Time.UnixMilli(), 10)
	told = append(told, `,"events":[`...)
	for i, e := range events {
		if i > 0 {
			told = append(told, ',')
		}
		told = append(told, e.text...)
	}
	return append(told, `]}`...)
}

// tell returns what is told of an occurrence.
func tell(o protocol.Occurrence) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(members(o)) // texts and numbers
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func members(o protocol.Occurrence) any {
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
