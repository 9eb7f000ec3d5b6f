package authorize_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

// Whatever is posted, what is signed is one channel of those that were named, whose name is of a
// pattern, for the connection that was named.
func FuzzAFormIsSignedForWhatItNames(f *testing.F) {
	for _, form := range []string{
		subscribing(build), subscribing(build, people), "&" + subscribing(people), "socket_id=1.2&socket_id=3.4&channel_name=private-list",
		"socket_id=1.2:private-list&channel_name=private-list", "socket_id=1.2&channel_name[1]=private-list&channel_name=x", "socket_id=1.2;a=b", "%",
	} {
		f.Add(form)
	}
	f.Fuzz(func(t *testing.T, body string) {
		e := newEndpoint(t, yes)
		w := e.post("/pusher/auth", body)
		asked := e.decider.asked
		if w.Code != http.StatusOK {
			if len(asked) > 0 || strings.Contains(w.Body.String(), "key:") {
				t.Errorf("%d %s, asked %v", w.Code, w.Body, asked)
			}
			return
		}
		form, err := url.ParseQuery(body)
		if err != nil || len(form["socket_id"]) != 1 || protocol.CheckSocketID(form.Get("socket_id")) != nil {
			t.Fatalf("%s", w.Body)
		}
		for _, q := range asked {
			if q.SocketID != form.Get("socket_id") || q.Pattern == "" || protocol.CheckChannel(q.Channel, 164) != nil || !strings.Contains(body, "channel_name") {
				t.Errorf("asked %+v", q)
			}
		}
		if form.Has("channel_name") {
			got := parse(t, w.Body.String())
			s := protocol.Subscribe{Channel: form.Get("channel_name"), Auth: got.Auth, ChannelData: got.ChannelData}
			if err := e.app.CheckSubscribe(form.Get("socket_id"), s); err != nil || len(asked) != 1 {
				t.Errorf("%s: %v", w.Body, err)
			}
		}
	})
}

// What is taken from an answer can be signed: it is somebody, or nobody.
func FuzzAnAnswerNamesAUserOrNobody(f *testing.F) {
	for _, body := range []string{"", "{}", `{"user_id":"ada","user_info":{"name":"Ada"}}`, `{"user_id":7}`, `{"user_id":null,"user_info":null}`, `{"allowed":false}`, "<html>", `{"user_id":1e3}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := authorize.ParseAnswer(body)
		if err != nil || answer.Member == nil {
			if answer.Member != nil {
				t.Errorf("%s: %v and %v", body, answer.Member, err)
			}
			return
		}
		if !protocol.IsUserID(answer.Member.ID) || answer.Member.Info != "" && answer.Member.Info[0] != '{' || !strings.Contains(string(body), "user_id") {
			t.Errorf("%s: %+v", body, answer.Member)
		}
	})
}
