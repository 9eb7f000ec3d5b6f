package main

import (
	"context"
	"strings"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
)

// logChannel is a channel of the first of the rules that has one which is nobody's: something has to
// be left open by the rule, and no rule before may count for it. "" where there is none.
func logChannel(rules protocol.LogRules) string {
	for i := range rules {
		channel := strings.ReplaceAll(rules[i].Pattern, "*", checkEvent)
		private := strings.HasPrefix(channel, "private-") && !strings.HasPrefix(channel, "private-encrypted-")
		if private && channel != rules[i].Pattern && rules.Find(channel) == &rules[i] {
			return channel
		}
	}
	return ""
}

// receipt looks whether Redis keeps an event of a log channel.
func (k *checking) receipt(ctx context.Context, app auth.App, key auth.Key) checkup.Finding {
	const name = "log"
	channel := logChannel(app.Logs)
	if channel == "" {
		return checkup.Noted(name, "to have it looked at, add a rule for private-buildrelay-check-*",
			"whether events of log channels are kept was not looked at: no rule has a * in a private channel, and the check sends nothing to channels of others")
	}
	positions, err := visit.Publish(ctx, k.site.Relay, app.ID, key, visit.Event{Event: checkEvent, Channel: channel, Data: "{}"})
	switch {
	case err != nil:
		return checkup.Failed(name, k.site.hint, "publishing on a log channel: %v", err)
	case len(positions) != 1 || strings.HasPrefix(positions[0], "0:"):
		return checkup.Failed(name, "see what is told of Redis, and whether the node has the same rules for logs", "an event of the log channel %s was not kept", channel)
	}
	return checkup.OK(name, "an event of the log channel %s was kept", channel)
}
