package appsfile

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// limit is a limit of an app, by its name in the file.
type limit struct {
	name string
	set  func(text string) error
}

// limits are those of app. What is larger than these allow, Redis' scripts refuse
// (data, names of events), or no client can send (who is described by 32 KiB).
func limits(app *auth.App) []limit {
	const many = 10_000_000
	l := &app.Limits
	return []limit{
		{"connections", number(&app.MaxConnections, 0, many)},
		{"channel_name", number(&l.ChannelName, 1, 200)},
		{"event_name", number(&l.EventName, 1, protocol.MaxEventName)},
		{"data", amount(&l.Data, 1, protocol.MaxRedisData)},
		{"channels", number(&l.Channels, 1, 10_000)},
		{"batch", number(&l.Batch, 1, 1000)},
		{"members", number(&l.Members, 0, many)},
		{"member_size", amount(&l.MemberSize, 1, 32<<10)},
		{"watchlist", number(&l.Watchlist, 1, 10_000)},
		{"channels_per_connection", number(&l.ChannelsPerConnection, 0, many)},
		{"client_events", number(&l.ClientEvents, 0, many)},
		{"subscribes", number(&l.Subscribes, 0, many)},
		{"messages", number(&l.Messages, 0, many)},
		{"publishes", number(&l.Publishes, 0, many)},
		{"reads", number(&l.Reads, 0, many)},
		{"body", amount(&l.Body, 1<<10, 1<<30)},
		{"clock_skew", duration(&l.ClockSkew, time.Second, 24*time.Hour)},
	}
}

// bodyFor makes room for the largest batch, every character of which may be escaped, where
// the limit of a request is not set.
func bodyFor(l *protocol.Limits) { l.Body = max(protocol.MaxBody, 7*l.Batch*l.Data) }

// ParseLimits sets the limits of an app to which text gives a value, by their names in the
// apps file: "data=100KiB members=1000". The others stay.
func ParseLimits(text string, app *auth.App) error {
	var errs []error
	known := limits(app)
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		if set[name] {
			errs = append(errs, fmt.Errorf("%s is there twice", quoted(name)))
			continue
		}
		set[name] = true
		if err := setLimit(known, name, value); err != nil {
			errs = append(errs, err)
		}
	}
	if !set["body"] {
		bodyFor(&app.Limits)
	}
	return errors.Join(errs...)
}

func setLimit(known []limit, name, value string) error {
	var names []string
	for _, l := range known {
		if l.name != name {
			names = append(names, l.name)
		} else if err := l.set(value); err != nil {
			return fmt.Errorf("%s=%s: it %w", name, value, err)
		} else {
			return nil
		}
	}
	return fmt.Errorf("there is no limit %s; there are %s", quoted(name), strings.Join(names, ", "))
}
