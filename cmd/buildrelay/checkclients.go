package main

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/checkup"
	"buildrelay/relay/checkup/visit"
)

const (
	// checkChannel is the channel that events are sent on. What is sent there is nobody's.
	checkChannel = "private-buildrelay-check"
	checkEvent   = "buildrelay-check"
	// visitTime is how long one thing may take that browsers do: a proxy that holds an answer back
	// does so for as long as it likes.
	visitTime = 15 * time.Second
)

// checkedApp is the app by which it is tried what clients do: the first that is enabled. Where none
// is, it is the first.
func (k *checking) checkedApp() auth.App {
	i := slices.IndexFunc(k.list, func(app auth.App) bool { return !app.Disabled })
	return k.list[max(i, 0)]
}

// lookAtClients tries what clients do.
func (k *checking) lookAtClients(ctx context.Context) []checkup.Finding {
	app := k.checkedApp()
	if app.Disabled {
		return []checkup.Finding{checkup.Noted("roundtrip", "enable one in the apps file", "all apps are disabled, so that nothing was sent")}
	}
	// A client without a WebSocket counts as one for some seconds after it is gone: so that is last.
	return append(k.bySocket(ctx, app, app.SigningKey()), within(ctx, "streaming", k.streaming))
}

// within tries something for so long as it may take. Where the check has ended meanwhile, what was
// not done says nothing of the relay.
func within(ctx context.Context, name string, try func(context.Context) checkup.Finding) checkup.Finding {
	trying, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	f := try(trying)
	if ctx.Err() != nil && f.Grade == checkup.Fail {
		return checkup.Noted(name, "run it again", "it was not looked at: the check ended before")
	}
	return f
}

// bySocket tries what a client does that has a WebSocket.
func (k *checking) bySocket(ctx context.Context, app auth.App, key auth.Key) []checkup.Finding {
	socket, f := k.upgrade(ctx)
	found := []checkup.Finding{f}
	if socket == nil {
		return found
	}
	defer socket.Close()
	return append(append(found, k.publishing(ctx, socket, app, key)...), k.idle(ctx, socket))
}

// publishing tries what backends do.
func (k *checking) publishing(ctx context.Context, socket *visit.Socket, app auth.App, key auth.Key) []checkup.Finding {
	if k.config.APIClientCAFile != "" && k.config.APIClientCertFile == "" {
		return []checkup.Finding{checkup.Noted("roundtrip", "name one in RELAY_API_CLIENT_CERT_FILE for this check", "the HTTP API wants a client certificate, so that nothing was sent")}
	}
	found := []checkup.Finding{within(ctx, "roundtrip", func(ctx context.Context) checkup.Finding { return k.roundTrip(ctx, socket, app, key) })}
	if len(app.Logs) > 0 {
		found = append(found, within(ctx, "log", func(ctx context.Context) checkup.Finding { return k.receipt(ctx, app, key) }))
	}
	return found
}

// upgrade connects by a WebSocket; it returns nil where it cannot.
func (k *checking) upgrade(ctx context.Context) (socket *visit.Socket, f checkup.Finding) {
	const name = "websocket"
	f = within(ctx, name, func(ctx context.Context) checkup.Finding {
		var err error
		if socket, err = visit.Connect(ctx, k.site.Relay); err != nil {
			return checkup.Failed(name, "let Upgrade and Connection through: "+k.site.hint, "no WebSocket to %s: %v", k.site.URL.Host, err)
		}
		return checkup.OK(name, "the relay greets a WebSocket")
	})
	return socket, f
}

// streaming looks whether what is sent bit by bit comes bit by bit.
func (k *checking) streaming(ctx context.Context) checkup.Finding {
	const name = "streaming"
	err := visit.Stream(ctx, k.site.Relay)
	switch {
	case err != nil && ctx.Err() != nil:
		return checkup.Failed(name, "turn buffering of answers off (proxy_buffering off): "+k.site.hint, "an answer that goes on is held back for %s", visitTime)
	case err != nil:
		return checkup.Failed(name, k.site.hint, "clients without WebSockets cannot connect: %v", err)
	}
	return checkup.OK(name, "clients without WebSockets are sent what comes at once")
}

// roundTrip publishes an event and waits for it.
func (k *checking) roundTrip(ctx context.Context, socket *visit.Socket, app auth.App, key auth.Key) checkup.Finding {
	const name = "roundtrip"
	if err := socket.Subscribe(ctx, key, checkChannel); err != nil {
		return checkup.Failed(name, k.site.hint, "subscribing to a private channel: %v", err)
	}
	began, text := time.Now(), rand.Text()
	if _, err := visit.Publish(ctx, k.site.Relay, app.ID, key, visit.Event{Event: checkEvent, Channel: checkChannel, Data: text}); err != nil {
		return checkup.Failed(name, k.site.hint, "publishing by the HTTP API: %v", err)
	}
	for {
		e, err := socket.Await(ctx, checkEvent, checkChannel)
		if err != nil {
			return checkup.Failed(name, k.site.hint, "an event that was published does not come: %v", err)
		}
		if e.Data == text { // others may be checking
			return checkup.OK(name, "an event went from the HTTP API to a subscriber in %s", time.Since(began).Round(100*time.Microsecond))
		}
	}
}

// idle looks whether a connection lasts on which nothing is sent until the relay does.
func (k *checking) idle(ctx context.Context, socket *visit.Socket) checkup.Finding {
	const name = "idle"
	if !k.flags.slow {
		return checkup.Noted(name, "give --slow", "whether a silent connection lasts for RELAY_PING_AFTER (%s) was not looked at", k.config.PingAfter)
	}
	waiting, cancel := context.WithTimeout(ctx, k.idleTime())
	defer cancel()
	if err := socket.AwaitPing(waiting); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return checkup.Failed(name, k.site.hint, "the relay's ping does not come within %s", k.idleTime())
		}
		return checkup.Failed(name, "set the proxy's idle timeout above RELAY_PING_AFTER, or that below it", "a silent connection was ended before the relay's ping came: %v", err)
	}
	return checkup.OK(name, "a silent connection lasts until the relay's ping comes")
}
