package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

const someID = "0123456789abcdef0123456789abcdef"

// askToWatch asks for a signature for presence-build-7.
func askToWatch(d *Demo, form url.Values) (status int, body string) {
	form.Set("socket_id", "1.2")
	form.Set("channel_name", "presence-build-7")
	w := request(d, http.MethodPost, "/pusher/auth", form)
	return w.Code, w.Body.String()
}

func TestAWatcherIsSignedWithHisName(t *testing.T) {
	d := newDemo(t, Config{})
	app := &auth.App{ID: "demo", Keys: []auth.Key{d.c.Key}}
	for _, name := range []string{
		"Calm Otter",
		`<img src=x onerror="alert(1)">`, // text as any other
		"José 李 👩‍💻",
		strings.Repeat("é", maxName),
		strings.Repeat("<", maxName),
	} {
		status, body := askToWatch(d, url.Values{"user_id": {someID}, "user_name": {name}})
		if status != http.StatusOK {
			t.Errorf("%q: %d %s", name, status, body)
			continue
		}
		var reply struct {
			Auth        string
			ChannelData string `json:"channel_data"`
		}
		if err := json.Unmarshal([]byte(body), &reply); err != nil {
			t.Fatal(err)
		}
		s := protocol.Subscribe{Channel: "presence-build-7", Auth: reply.Auth, ChannelData: &reply.ChannelData}
		if err := app.CheckSubscribe("1.2", s); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		var got watcher
		if err := json.Unmarshal([]byte(reply.ChannelData), &got); err != nil {
			t.Fatal(err)
		}
		want := watcher{ID: someID}
		want.Info.Name = name
		if diff := cmp.Diff(want, got); diff != "" || len(reply.ChannelData) > 1024 {
			t.Errorf("%d bytes of channel_data (- wanted, + got):\n%s", len(reply.ChannelData), diff)
		}
	}
}

func TestABadWatcherIsToldWhy(t *testing.T) {
	const (
		id        = "user_id must be 32 lower-case hexadecimal digits\n"
		length    = "user_name must have 1 to 40 characters\n"
		printable = "user_name must be printable text, with no space but the ordinary one\n"
		trimmed   = "user_name must not begin or end with a space\n"
	)
	d := newDemo(t, Config{})
	for _, tt := range []struct{ id, name, want string }{
		{"", "Calm Otter", id},
		{someID[1:], "Calm Otter", id},
		{someID + "0", "Calm Otter", id},
		{strings.ToUpper(someID), "Calm Otter", id},
		{someID[:31] + "-", "Calm Otter", id},
		{someID[:31] + "\n", "Calm Otter", id},
		{someID[:30] + "é", "Calm Otter", id},
		{someID, "", length},
		{someID, strings.Repeat("x", maxName+1), length},
		{someID, "\xff", printable},
		{someID, "two\nlines", printable},
		{someID, "a\x00b", printable},
		{someID, "a\u202eb", printable},
		{someID, "a\u00a0b", printable},
		{someID, "\u200b", printable},
		{someID, " Calm Otter", trimmed},
		{someID, "Calm Otter ", trimmed},
		{someID, " ", trimmed},
	} {
		status, body := askToWatch(d, url.Values{"user_id": {tt.id}, "user_name": {tt.name}})
		if status != http.StatusBadRequest || body != tt.want {
			t.Errorf("%q %q: %d %q, want %q", tt.id, tt.name, status, body, tt.want)
		}
	}
}

// A channel without members is signed as ever, whoever asks.
func TestOtherChannelsNeedNoName(t *testing.T) {
	d := newDemo(t, Config{})
	form := url.Values{"socket_id": {"1.2"}, "channel_name": {"private-build-7"}, "user_id": {"nobody"}, "user_name": {""}}
	w := request(d, http.MethodPost, "/pusher/auth", form)
	want := `{"auth":"` + auth.SignChannel(d.c.Key, "1.2", "private-build-7", nil) + `"}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
}

func TestATooLargeRequestIsRefused(t *testing.T) {
	d := newDemo(t, Config{})
	status, body := askToWatch(d, url.Values{"user_id": {someID}, "user_name": {strings.Repeat("x", maxForm)}})
	if status == http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
}
