package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a watcher may be called: the page keeps to it too.
const (
	watcherDigits = 32 // of an id, hexadecimal
	maxName       = 40 // characters
)

// watcher is who watches a build, in the words of channel_data.
type watcher struct {
	ID   string `json:"user_id"`
	Info struct {
		Name string `json:"name"`
	} `json:"user_info"`
}

// watcherOf is who an auth request for a presence channel says that he is. Nobody has an
// account here, so he is believed; another backend takes id and name from its session.
// The error is for him to read.
func watcherOf(form url.Values) (watcher, error) {
	w := watcher{ID: form.Get("user_id")}
	w.Info.Name = form.Get("user_name")
	if len(w.ID) != watcherDigits || strings.Trim(w.ID, "0123456789abcdef") != "" {
		return watcher{}, fmt.Errorf("user_id must be %d lower-case hexadecimal digits", watcherDigits)
	}
	return w, checkName(w.Info.Name)
}

// checkName returns an error unless a name is one line of printable text. What a page
// does with it is no concern of ours: it must take any name as text.
func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0 || n > maxName:
		return fmt.Errorf("user_name must have 1 to %d characters", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return errors.New("user_name must be printable text, with no space but the ordinary one")
	case strings.TrimSpace(name) != name:
		return errors.New("user_name must not begin or end with a space")
	}
	return nil
}

// unprintable reports whether r has no place in a name. Some scripts and emoji need the
// two joiners.
func unprintable(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return !unicode.IsPrint(r) && r != nonJoiner && r != joiner
}

// channelData is what is signed for him, and told to all who watch with him.
func (w watcher) channelData() (string, error) {
	data, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("encoding a watcher: %w", err)
	}
	return string(data), nil
}
