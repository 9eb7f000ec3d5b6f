package appsfile

import (
	"errors"
	"time"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// app reads an app. Where something is wrong with it the rest is read all the same.
func (r *reader) app(n *yaml.Node) auth.App {
	app := auth.App{Limits: protocol.DefaultLimits(), CacheTTL: protocol.DefaultCacheTTL}
	enabled, faults := true, len(r.faults)
	there := r.fields(n, "", []field{
		{"id", func(n *yaml.Node, path string) { app.ID = r.id(n, path) }},
		{"enabled", r.value(truth(&enabled))},
		{"keys", r.keysOf(&app)},
		{"origins", func(n *yaml.Node, path string) { app.Origins = r.origins(n, path) }},
		{"client_events", r.value(truth(&app.ClientEvents))},
		{"subscription_counts", r.value(truth(&app.SubscriptionCounts))},
		{"watchlists", r.value(truth(&app.Watchlists))},
		{"subscription_errors", r.value(truth(&app.SubscriptionErrors))},
		{"authorization_timeout", r.value(authorizationTimeout(&app.AuthorizationTimeout))},
		{"cache_ttl", r.value(duration(&app.CacheTTL, time.Second, maxKeep))},
		{"limits", func(n *yaml.Node, path string) { r.limits(n, path, &app) }},
		{"logs", func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { app.Logs = append(app.Logs, r.logRule(n, path)) })
		}},
		{"masks", func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { app.Masks = append(app.Masks, r.maskRule(n, path)) })
		}},
		{"seal", r.value(sealMode(&app.Seal))},
		{"webhooks", func(n *yaml.Node, path string) { app.Webhooks = r.webhooks(n, path) }},
	})
	app.Disabled = !enabled
	if n.Kind == yaml.MappingNode {
		r.require(n, there, "id", "keys")
		r.requireActive(&app, there["keys"], len(r.faults) == faults)
	}
	return app
}

// require notes which fields an app lacks.
func (r *reader) require(n *yaml.Node, there map[string]*yaml.Node, names ...string) {
	for _, name := range names {
		if there[name] == nil {
			r.fault(n, name, "it is missing")
		}
	}
}

func (r *reader) id(n *yaml.Node, path string) (id string) {
	r.value(func(text string) error {
		id = text
		if !consists(id, 100, "-_") {
			return errors.New("must be of letters, digits, - and _, at most 100 of them")
		}
		return nil
	})(n, path)
	r.unique(r.ids, n, path, id)
	return id
}

// unique notes that a name was seen before.
func (r *reader) unique(seen map[string]int, n *yaml.Node, path, name string) {
	if name == "" {
		return
	}
	if line, ok := seen[name]; ok {
		r.fault(n, path, "it is the same as in line %d", line)
		return
	}
	seen[name] = n.Line
}

// authorizationTimeout is off, or as long as a client needs at least.
func authorizationTimeout(to *time.Duration) func(string) error {
	return func(text string) error {
		if duration(to, 0, 24*time.Hour)(text) != nil || *to != 0 && *to < time.Second {
			return errors.New("must be 0s (off), or a time such as 30s, from 1s to 24h")
		}
		return nil
	}
}

func (r *reader) limits(n *yaml.Node, path string, app *auth.App) {
	var fields []field
	for _, l := range limits(app) {
		fields = append(fields, field{l.name, r.value(l.set)})
	}
	if there := r.fields(n, path, fields); there["body"] == nil {
		bodyFor(&app.Limits)
	}
}
