package api_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	pusher "github.com/pusher/pusher-http-go/v5"
)

// wire carries the calls of an SDK to an API, as bytes.
type wire struct{ api http.Handler }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent bytes.Buffer
	if err := r.Write(&sent); err != nil {
		return nil, err
	}
	request, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// What Pusher's SDK for Go signs is accepted, and what is accepted is what was meant. The
// SDK escapes nothing in a query: what ends a value there, or is an escape, it means in
// another way than it can be read, and only the first has to hold.
func FuzzGoSDK(f *testing.F) {
	f.Add("presence-", "user_count", "e", "d", "u 1")
	f.Add("a=@,.;-_+", "subscription_count,cache", `App\Events\X`, `{"x":"<&>é\u2028"}`, "a@b")
	f.Add("%41%zz%", "user_count&x=1", "e\x00", "\xff", "#")
	f.Add("a b", " ", "", "", "")
	f.Fuzz(func(t *testing.T, prefix, info, name, data, user string) {
		if strings.ContainsFunc(prefix+info, unicode.IsControl) {
			t.Skip("the SDK crashes: no URL can hold these")
		}
		b := newBackend(t)
		b.Now = time.Now
		sdk := &pusher.Client{AppID: "3", Key: key, Secret: secret, HTTPClient: &http.Client{Transport: wire{b}}}
		_, err := sdk.Channels(pusher.ChannelsParams{FilterByPrefix: &prefix})
		if plain := !strings.ContainsFunc(prefix, isOdd); plain && err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
		}
		if err == nil && !strings.ContainsAny(prefix, "&#") && b.prefix != prefix {
			t.Errorf("prefix %q was read as %q", prefix, b.prefix)
		}
		if _, err := sdk.Channels(pusher.ChannelsParams{Info: &info}); err != nil && !strings.ContainsFunc(info, isOdd) && strings.Contains(err.Error(), "Code: 401") {
			t.Errorf("info %q: %v", info, err)
		}
		_, err = sdk.TriggerWithParams("a", name, data, pusher.TriggerParams{})
		switch valid := utf8.ValidString(name + data); {
		case err != nil && strings.Contains(err.Error(), "Code: 401"):
			t.Errorf("event %q %q: %v", name, data, err)
		case err == nil && valid && (len(b.published) != 1 || b.published[0].Name != name || b.published[0].Data != data):
			t.Errorf("event %q %q was read as %+v", name, data, b.published)
		}
		b.published = nil
		err = sdk.SendToUser(user, "e", "d")
		if err == nil && (len(b.published) != 1 || b.published[0].Channel != "#server-to-user-"+user) && utf8.ValidString(user) {
			t.Errorf("user %q was read as %+v", user, b.published)
		}
	})
}

// isOdd says whether a character is one that a query cannot hold as it is.
func isOdd(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("%&#", r)
}
