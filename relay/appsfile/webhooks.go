package appsfile

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// ParseWebhooks reads a list of webhooks, as an app of the file has it, in YAML or JSON.
// An empty text is none.
func ParseWebhooks(text string, open Opener) ([]auth.Webhook, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	root, err := parseYAML([]byte(text))
	if err != nil {
		return nil, err
	}
	r := &reader{secrets: Secrets{Open: open}}
	hooks := r.webhooks(root, "webhooks")
	return hooks, r.err()
}

func (r *reader) webhooks(n *yaml.Node, path string) (hooks []auth.Webhook) {
	r.each(n, path, func(n *yaml.Node, path string) { hooks = append(hooks, r.webhook(n, path)) })
	return hooks
}

func (r *reader) webhook(n *yaml.Node, path string) (hook auth.Webhook) {
	there := r.fields(n, path, []field{
		{"url", r.value(func(text string) error {
			hook.URL = text
			_, err := auth.ParseWebhookURL(text)
			return err
		})},
		{"events", func(n *yaml.Node, path string) { hook.Events = r.hookNames(n, path) }},
		{"channel_prefix", r.value(partOfChannel(&hook.Prefix))},
		{"channel_suffix", r.value(partOfChannel(&hook.Suffix))},
		{"headers", func(n *yaml.Node, path string) { hook.Headers = r.headers(n, path) }},
		{"batch", r.value(duration(&hook.Batch, 0, time.Minute))},
	})
	if n.Kind == yaml.MappingNode && there["url"] == nil {
		r.fault(n, path+".url", "it is missing; it must be a URL such as https://ci.example.com/hooks")
	}
	return hook
}

func (r *reader) hookNames(n *yaml.Node, path string) (names []string) {
	r.each(n, path, func(n *yaml.Node, path string) {
		r.value(func(text string) error {
			switch {
			case !slices.Contains(protocol.Hooks(), text):
				return errors.New("must be one of " + strings.Join(protocol.Hooks(), ", "))
			case slices.Contains(names, text):
				return errors.New("is there twice")
			}
			names = append(names, text)
			return nil
		})(n, path)
	})
	return names
}

// partOfChannel sets what begins or ends the names of channels.
func partOfChannel(to *string) func(string) error {
	return func(text string) error {
		if len(text) > protocol.MaxChannelName || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return errors.New("must be a part of a channel's name, of at most 164 characters")
		}
		*to = text
		return nil
	}
}

// headers reads what is sent along. The values are secrets, and so may be a name that is
// none.
func (r *reader) headers(n *yaml.Node, path string) map[string]auth.Secret {
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "it must be a mapping of headers' names to their values")
		return nil
	}
	headers := map[string]auth.Secret{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		r.header(headers, n.Content[i], n.Content[i+1], path)
	}
	return headers
}

func (r *reader) header(to map[string]auth.Secret, name, value *yaml.Node, path string) {
	text, ok := r.text(name, path)
	if !ok {
		return
	}
	canonical := http.CanonicalHeaderKey(text)
	_, twice := to[canonical]
	switch {
	case !consists(text, 100, "!#$%&'*+-.^_`|~"):
		r.fault(name, path, "a name must be that of a header, of letters, digits and !#$%%&'*+-.^_`|~")
	case isOurs(canonical):
		r.fault(name, path, "%s is set by the relay", canonical)
	case twice:
		r.fault(name, path, "%s is there twice", canonical)
	default:
		r.value(func(text string) (err error) {
			if to[canonical], err = r.open(text); err != nil {
				return err
			}
			return checkHeader(string(to[canonical]))
		})(value, path+"."+canonical)
	}
}

func checkHeader(value string) error {
	control := func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
	if len(value) > 8<<10 || strings.ContainsFunc(value, control) || strings.TrimSpace(value) != value {
		return errors.New("must be a header's value: one line, without spaces around it, of at most 8 KiB")
	}
	return nil
}

// isOurs says whether a header belongs to what the relay says, or to how HTTP carries it.
func isOurs(canonical string) bool {
	return slices.Contains([]string{
		"Content-Type", "X-Pusher-Key", "X-Pusher-Signature", "X-Relay-Event-Ids", "User-Agent",
		"Host", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer",
		"Upgrade", "Expect", "Accept-Encoding", "Proxy-Connection", "Proxy-Authorization",
	}, canonical)
}
