package appsfile

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// app reads an app. Where something is wrong with it the rest is read all the same.
func (r *reader) app(n *yaml.Node) auth.App {
	app := auth.App{Limits: protocol.DefaultLimits(), CacheTTL: protocol.DefaultCacheTTL}
	enabled := true
	there := r.fields(n, "", []field{
		{"id", func(n *yaml.Node, path string) { app.ID = r.id(n, path) }},
		{"enabled", r.value(truth(&enabled))},
		{"keys", func(n *yaml.Node, path string) {
			r.each(n, path, func(n *yaml.Node, path string) { app.Keys = append(app.Keys, r.key(n, path)) })
		}},
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
		{"webhooks", func(n *yaml.Node, path string) { app.Webhooks = r.webhooks(n, path) }},
	})
	app.Disabled = !enabled
	if n.Kind == yaml.MappingNode {
		r.require(n, there, "id", "keys")
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

// key reads one of an app's keys.
func (r *reader) key(n *yaml.Node, path string) (key auth.Key) {
	there := r.fields(n, path, []field{
		{"key", func(n *yaml.Node, path string) {
			r.value(keyName(&key.Key))(n, path)
			r.unique(r.keys, n, path, key.Key)
		}},
		{"secret", r.value(secret(&key.Secret))},
		{"secret_file", r.value(func(path string) error { return r.secretFile(path, &key.Secret) })},
	})
	switch both := there["secret"] != nil && there["secret_file"] != nil; {
	case n.Kind != yaml.MappingNode:
	case there["key"] == nil:
		r.fault(n, path+".key", "it is missing")
	case both || there["secret"] == nil && there["secret_file"] == nil:
		r.fault(n, path, "it must have either secret or secret_file")
	}
	return key
}

// keyName sets what clients have in the path of their URL.
func keyName(to *string) func(string) error {
	return func(text string) error {
		if !consists(text, 200, "-_.~") {
			return errors.New("must be of letters, digits and -_.~, at most 200 of them")
		}
		*to = text
		return nil
	}
}

func secret(to *auth.Secret) func(string) error {
	return func(text string) error {
		if text == "" || len(text) > 4096 || strings.TrimSpace(text) != text {
			return errors.New("must not be empty, nor longer than 4096 bytes, nor have spaces or line ends around it")
		}
		*to = auth.Secret(text)
		return nil
	}
}

// secretFile reads a file that holds a secret, without the line end that files have.
func (r *reader) secretFile(path string, to *auth.Secret) error {
	text, err := r.readSecret(path)
	if err != nil {
		return unreadable{err}
	}
	if secret(to)(string(bytes.TrimSpace(text))) != nil {
		return errors.New("must name a file that holds a secret of 1 to 4096 bytes")
	}
	return nil
}

// unreadable says that a file could not be read.
type unreadable struct{ error }

func (e unreadable) Error() string { return "cannot be read: " + e.error.Error() }
func (e unreadable) Unwrap() error { return e.error }

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
