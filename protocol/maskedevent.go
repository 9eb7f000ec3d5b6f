package protocol

import "encoding/json"

// MaskedEvent tells the readers of a channel that something was masked since they were told last:
//
//	relay:masked {"channel":"…","count":N,"kinds":["…"]}
func MaskedEvent(channel string, count int64, kinds []string) Event {
	data, _ := json.Marshal(struct { // cannot fail: strings and a number
		Channel string   `json:"channel"`
		Count   int64    `json:"count"`
		Kinds   []string `json:"kinds"`
	}{channel, count, kinds})
	return Event{Name: "relay:masked", Channel: channel, Data: string(data)}
}
