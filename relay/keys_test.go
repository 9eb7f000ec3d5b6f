package relay_test

import (
	"fmt"
	"slices"
	"strings"

	"buildrelay/auth"
)

// secretOf is the secret of a key that a script makes.
func secretOf(key string) auth.Secret {
	if key == appKey {
		return appSecret
	}
	return auth.Secret("secret of " + key)
}

// setKey: key=NAME[/STATE[/RIGHT,…[/PATTERN,…]]] adds a key or changes it, key=NAME/=SECRET
// changes its secret, nokey=NAME takes it away. Where an app's keys are those of others, they
// are copied first.
func setKey(app *auth.App, setting, value string) error {
	words := strings.Split(value, "/")
	app.Keys = slices.Clone(app.Keys)
	at := slices.IndexFunc(app.Keys, func(k auth.Key) bool { return k.Key == words[0] })
	if setting == "nokey" {
		app.Keys = slices.Delete(app.Keys, at, at+1)
		return nil
	}
	key := auth.Key{Key: words[0], Secret: secretOf(words[0])}
	for i, word := range words[1:] {
		secret, changes := strings.CutPrefix(word, "=")
		switch {
		case changes:
			key.Secret = auth.Secret(secret)
		case i == 0:
			if err := key.State.UnmarshalText([]byte(word)); err != nil {
				return err
			}
		case i == 1 && word != "":
			for _, right := range strings.Split(word, ",") {
				key.Rights = append(key.Rights, auth.Right(right))
			}
		case i == 2:
			key.Channels = strings.Split(word, ",")
		}
	}
	if at < 0 {
		app.Keys = append(app.Keys, key)
	} else {
		app.Keys[at] = key
	}
	return nil
}

// doKey: key CLIENT KEY, by which is signed what the client shows from now on.
func (w *world) doKey(args []string) error {
	c, err := w.client(args[0])
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	c.key = auth.Key{Key: args[1], Secret: secretOf(args[1])}
	return nil
}
