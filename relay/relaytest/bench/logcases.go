package main

import "time"

// logCases are measured on live channels and, at the same pace, on log channels. The
// script that appends is slower than PUBLISH, so none of them is flat out.
func logCases() []benchCase {
	return []benchCase{
		{name: "log-calm", title: "1000 readers at 20/s", channels: 1, readersEach: 1000, load: bursts(1, time.Second/20)},
		{name: "log-busy", title: "1000 readers, 10 bursts of 64 a second", channels: 1, readersEach: 1000, load: bursts(64, time.Second/10), spans: 2},
		{name: "log-bursts", title: "500 channels × 2 readers, 500 bursts of 10 a second", channels: 500, readersEach: 2, load: bursts(10, time.Second/500)},
		{name: "log-20", title: "20 channels × 1 reader, at 20/s each", channels: 20, readersEach: 1, load: bursts(1, time.Second/400), spans: 4},
		{name: "log-200", title: "1 reader at 200/s", channels: 1, readersEach: 1, load: bursts(1, time.Second/200), spans: 4},
	}
}

// logRules makes the channels of the cases log channels.
const logRules = "build-* replay=none"

// relays returns each relay with each of the rules for its log channels.
func (b *bench) relays(rules ...string) []subject {
	var relays []subject
	for _, s := range b.subjects {
		if s.naive {
			continue
		}
		for _, s.rules = range rules {
			relays = append(relays, s)
		}
	}
	return relays
}

// channelKind names what the subject serves in a table.
func (s subject) channelKind() string {
	if s.rules == "" {
		return "live"
	}
	return "log"
}
