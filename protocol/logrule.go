package protocol

import "time"

// LogRule makes the channels whose names match Pattern log channels.
type LogRule struct {
	// Pattern is one of [Patterns].
	Pattern string
	// Events and Bytes are the most that a log retains; what is older is trimmed.
	Events int
	Bytes  int64
	// Keep is how long it retains an entry, and how long it lives after the last one.
	Keep time.Duration
	// Replay is what a client gets at first that asks for no place in the log.
	Replay Start
	// Replicas is how many replicas of Redis are to have an event before its publisher is
	// told that it is kept.
	Replicas int
}

// The limits of a log that a rule does not give.
const (
	DefaultLogEvents = 20_000
	DefaultLogBytes  = 8 << 20
	DefaultLogKeep   = 24 * time.Hour
)

// NewLogRule returns the rule for a pattern with the default limits, and no replay.
func NewLogRule(pattern string) LogRule {
	return LogRule{Pattern: pattern, Events: DefaultLogEvents, Bytes: DefaultLogBytes, Keep: DefaultLogKeep}
}

// LogRules are the rules of one app, the first that matches counts.
type LogRules []LogRule

// Find returns the rule for a channel, nil for a live channel. Presence, cache and users'
// channels are live whatever the rules say: a log has no members and no last event.
func (rules LogRules) Find(channel string) *LogRule {
	if kind := KindOf(channel); kind.Presence() || kind.Cache() || kind == User {
		return nil
	}
	for i := range rules {
		if Matches(rules[i].Pattern, channel) {
			return &rules[i]
		}
	}
	return nil
}
