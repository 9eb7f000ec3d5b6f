package demo

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/pipe"
)

func newDemo(t *testing.T, c Config) *Demo {
	t.Helper()
	c.AppID, c.Key = "demo", auth.Key{Key: "demo-key", Secret: "demo-secret"}
	if c.Publisher == nil {
		c.Publisher = new(publisher)
	}
	if c.Builds == nil {
		c.Builds = Repeat([]string{"true"}, nil)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// request sends a request to the backend, a form where there is one.
func request(d *Demo, method, target string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

func TestSubscriptionsAreSignedForOurChannelsOnly(t *testing.T) {
	d := newDemo(t, Config{})
	app := &auth.App{ID: "demo", Keys: []auth.Key{d.c.Key}}
	for _, tt := range []struct {
		socketID, channel string
		status            int
	}{
		{"1.2", "private-builds", 200},
		{"1.2", "private-build-1", 200},
		{"1.2", "private-build-9223372036854775807", 200},
		{"1.2", "", 403},
		{"1.2", "builds", 403},
		{"1.2", "private-builds-2", 403},
		{"1.2", "private-build-", 403},
		{"1.2", "private-build-0", 403},
		{"1.2", "private-build-01", 403},
		{"1.2", "private-build-+1", 403},
		{"1.2", "private-build--1", 403},
		{"1.2", "private-build-1x", 403},
		{"1.2", "private-build-1\n", 403},
		{"1.2", "x-private-build-1", 403},
		{"1.2", "private-build-9223372036854775808", 403},
		{"1.2", "presence-builds", 403},
		{"1.2", "presence-build-", 403},
		{"1.2", "presence-build-01", 403},
		{"1.2", "presence-private-build-1", 403},
		{"1.2:presence-build-1", "presence-build-1", 403},
		{"1.2", "private-encrypted-build-1", 403},
		{"", "private-builds", 403},
		{"1.2:private-builds", "private-builds", 403},
	} {
		w := request(d, "POST", "/pusher/auth", url.Values{"socket_id": {tt.socketID}, "channel_name": {tt.channel}})
		if w.Code != tt.status {
			t.Errorf("%q %q: status %d, want %d", tt.socketID, tt.channel, w.Code, tt.status)
		}
		if tt.status != 200 {
			continue
		}
		var reply struct{ Auth string }
		if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
			t.Fatal(err)
		}
		if err := app.CheckSubscribe(tt.socketID, protocol.Subscribe{Channel: tt.channel, Auth: reply.Auth}); err != nil {
			t.Errorf("%q: %v", tt.channel, err)
		}
	}
}

func TestAnotherSitesPageGetsNoSignature(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/pusher/auth", strings.NewReader("socket_id=1.2&channel_name=private-builds"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	newDemo(t, Config{}).Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
}

func TestTheEndpointsAnswerAsDocumented(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") })
	d := newDemo(t, Config{Page: page, WSPort: 8080, WSSPort: 8443})
	if w := request(d, "GET", "/builds", nil); w.Body.String() != `{"builds":[]}`+"\n" {
		t.Errorf("no builds: %s", w.Body)
	}
	b := d.store.begin(running)
	d.store.begin(running)
	d.store.printed(b.ID, []byte("<b>\n"))
	d.store.finished(b.ID, pipe.Exit{Code: 1}, false, 5)
	const next = `{"id":2,"channel":"private-build-2","command":"make","status":"running","started":1,"finished":null,"exit_code":null,"line":""}`
	const build = `{"id":1,"channel":"private-build-1","command":"make","status":"failed","started":1,"finished":5,"exit_code":1,"line":"<b>"}`
	for target, want := range map[string]string{
		"/":                     "the page",
		"/assets/index.js":      "the page",
		"/config.json":          `{"key":"demo-key","wsHost":"","wsPort":8080,"wssPort":8443,"forceTLS":false,"authEndpoint":"/pusher/auth"}`,
		"https://a/config.json": `{"key":"demo-key","wsHost":"","wsPort":8080,"wssPort":8443,"forceTLS":true,"authEndpoint":"/pusher/auth"}`,
		"/builds":               `{"builds":[` + next + "," + build + `]}`,
	} {
		w := request(d, "GET", target, nil)
		if got := strings.TrimSuffix(w.Body.String(), "\n"); w.Code != 200 || got != want {
			t.Errorf("%s: %d %s\nwant %s", target, w.Code, got, want)
		}
	}
}
