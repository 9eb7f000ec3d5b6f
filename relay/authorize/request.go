package authorize

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const (
	// mostBody is how long a request's body may be.
	mostBody = 64 << 10
	// mostChannels is how many channels a request may name: a page shows a few builds.
	mostChannels = 10
	// mostAtOnce is how many of them are asked about at a time.
	mostAtOnce = 4
)

// asked is what a request asks for.
type asked struct {
	app      *auth.App
	socketID string
	channels []string // none for who wants to sign in
	batch    bool     // the answer is to name each channel
}

// batchName is the name of one of several channels in a form.
var batchName = regexp.MustCompile(`^channel_name\[[0-9]{0,4}\]$`)

// findApp is the app that is signed for, whatever key the address names: "?app_key=…" of another
// is refused, as the decider knows of that one alone who may watch.
func (h *Handler) findApp(r *http.Request) (*auth.App, error) {
	app, ok := h.ownApp()
	if key := r.URL.Query().Get("app_key"); ok && key != "" {
		_, ok = app.Key(key)
	}
	if !ok || app.Disabled {
		return nil, &refusal{http.StatusForbidden, outcomeApp, "the app is unknown here, or disabled: without app_key it is the one that is signed for"}
	}
	return app, nil
}

// ownApp is the one app that is signed for, if it is there.
func (h *Handler) ownApp() (*auth.App, bool) {
	if h.App != "" || h.Apps.Len() != 1 {
		return h.Apps.ByID(h.App)
	}
	for id := range h.Apps.IDs() {
		return h.Apps.ByID(id)
	}
	return nil, false
}

// readForm reads the form that pusher-js posts. What it makes of it nobody but the relay is to
// see otherwise: of a name that comes twice another server could take the other.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, &refusal{http.StatusUnsupportedMediaType, outcomeInvalid, "the body must be application/x-www-form-urlencoded"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		return nil, invalid("the body could not be read, or is longer than 64 KiB")
	}
	form, err := url.ParseQuery(string(body)) // of old clients it begins with an &, which does no harm
	if err != nil {
		return nil, invalid("the body is no form")
	}
	return form, nil
}

// readAsked reads a form, of who wants to sign in or else to subscribe, and takes nothing that
// would not be safe to sign.
func readAsked(form url.Values, app *auth.App, signin bool) (asked, error) {
	a := asked{app: app}
	var ok bool
	if a.socketID, ok = once(form, "socket_id"); !ok || protocol.CheckSocketID(a.socketID) != nil || len(a.socketID) > 50 {
		return a, invalid("socket_id must be there once, as pusher-js has it: digits, a dot, digits")
	}
	if signin {
		return a, nil
	}
	if err := a.readChannels(form); err != nil {
		return a, err
	}
	for _, channel := range a.channels {
		if err := protocol.CheckChannel(channel, app.Limits.ChannelName); err != nil {
			return a, invalid("channel_name is no name of a channel")
		}
	}
	return a, nil
}

// readChannels reads channel_name, or several in channel_name[0], channel_name[1]….
func (a *asked) readChannels(form url.Values) error {
	for name, values := range form {
		if batchName.MatchString(name) {
			a.channels, a.batch = append(a.channels, values...), true
		}
	}
	one, ok := once(form, "channel_name")
	switch {
	case a.batch && form.Has("channel_name"):
		return invalid("there must be either channel_name or channel_name[…]")
	case a.batch && len(a.channels) > mostChannels:
		return invalid("a request may name 10 channels, no more")
	case a.batch:
		return nil
	case !ok:
		return invalid("channel_name must be there once")
	}
	a.channels = []string{one}
	return nil
}

func once(form url.Values, name string) (string, bool) {
	if len(form[name]) != 1 {
		return "", false
	}
	return form[name][0], true
}
