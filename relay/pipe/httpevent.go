package pipe

import (
	"encoding/json"

	"buildrelay/protocol"
)

// httpEvent is the body of POST /apps/ID/events.
type httpEvent struct {
	Name     string   `json:"name"`
	Channels []string `json:"channels"`
	Data     string   `json:"data"`
	httpAppend
}

// httpBatch is the body of POST /apps/ID/batch_events.
type httpBatch struct {
	Batch []batchEvent `json:"batch"`
}

type batchEvent struct {
	Name    string `json:"name"`
	Channel string `json:"channel"`
	Data    string `json:"data"`
	httpAppend
}

// httpAppend says how an event joins its log.
type httpAppend struct {
	ID    string     `json:"id,omitempty"`
	Begin bool       `json:"begin,omitempty"`
	Epoch string     `json:"epoch,omitempty"`
	Final *httpFinal `json:"final,omitempty"`
}

type httpFinal struct {
	Lines *int64 `json:"lines"`
	Bytes *int64 `json:"bytes"`
}

func appendOf(e protocol.Event) httpAppend {
	h := httpAppend{ID: e.ID}
	if a := e.Append; a != nil {
		h.Begin, h.Epoch = a.Begin, a.Epoch
		if a.Final != nil {
			h.Final = &httpFinal{a.Final.Lines, a.Final.Bytes}
		}
	}
	return h
}

// parseReceipt reads what was answered to a success. Servers that know no logs answer
// anything there, and ours no positions where the channel has none: then it is empty.
func parseReceipt(text []byte) protocol.Receipt {
	var answer struct {
		Relay struct {
			Positions []string `json:"positions"`
			Watched   bool     `json:"watched"`
		} `json:"relay"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return protocol.Receipt{}
	}
	r := protocol.Receipt{Watched: answer.Relay.Watched}
	for _, position := range answer.Relay.Positions {
		at, err := protocol.ParsePosition(position)
		if err != nil {
			return protocol.Receipt{}
		}
		r.Positions = append(r.Positions, at)
	}
	return r
}
