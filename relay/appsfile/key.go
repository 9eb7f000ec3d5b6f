package appsfile

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
)

// keysOf reads the keys of an app.
func (r *reader) keysOf(app *auth.App) func(n *yaml.Node, path string) {
	return func(n *yaml.Node, path string) {
		r.each(n, path, func(n *yaml.Node, path string) { app.Keys = append(app.Keys, r.key(n, path)) })
	}
}

// requireActive notes that an app which is enabled has no key to sign with. A key that could
// not be read may have been meant for that.
func (r *reader) requireActive(app *auth.App, keys *yaml.Node, allRead bool) {
	if allRead && !app.Disabled && !app.CanSign() {
		r.fault(keys, "keys", "app %s has none that signs: at least one must be active and have neither rights nor channels, unless enabled is false", app.ID)
	}
}

// key reads one of an app's keys.
func (r *reader) key(n *yaml.Node, path string) (key auth.Key) {
	there := r.fields(n, path, []field{
		{"key", func(n *yaml.Node, path string) {
			r.value(keyName(&key.Key))(n, path)
			r.unique(r.keys, n, path, key.Key)
		}},
		{"secret", r.value(r.secret(&key.Secret))},
		{"secret_file", r.value(func(path string) error { return r.secretFile(path, &key.Secret) })},
		{"state", r.value(keyState(&key.State))},
		{"rights", func(n *yaml.Node, path string) { key.Rights = r.rights(n, path) }},
		{"channels", func(n *yaml.Node, path string) { key.Channels = r.patterns(n, path) }},
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

func keyState(to *auth.KeyState) func(string) error {
	return func(text string) error {
		if to.UnmarshalText([]byte(text)) != nil {
			return errors.New("must be active, retiring or revoked")
		}
		return nil
	}
}

func (r *reader) rights(n *yaml.Node, path string) (rights []auth.Right) {
	r.each(n, path, func(n *yaml.Node, path string) {
		r.value(func(text string) error {
			switch right := auth.Right(text); {
			case !slices.Contains(auth.Rights(), right):
				return errors.New("must be one of " + rightNames())
			case slices.Contains(rights, right):
				return errors.New("is there twice")
			default:
				rights = append(rights, right)
				return nil
			}
		})(n, path)
	})
	return rights
}

func rightNames() string {
	var names []string
	for _, right := range auth.Rights() {
		names = append(names, string(right))
	}
	return strings.Join(names, ", ")
}

// patterns reads which channels a key is for.
func (r *reader) patterns(n *yaml.Node, path string) (patterns []string) {
	r.each(n, path, func(n *yaml.Node, path string) {
		r.value(func(text string) error {
			patterns = append(patterns, text)
			return checkPattern(text)
		})(n, path)
	})
	return patterns
}
