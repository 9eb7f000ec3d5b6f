package api_test

import (
	"net/http"
	"testing"
)

func TestChannelsAreListed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		path, more, want string
		status           int
	}{
		{"channels", "", `{"channels":{"a":{},"presence-b":{},"private-c":{}}}`, 200},
		{"channels", "filter_by_prefix=p", `{"channels":{"presence-b":{},"private-c":{}}}`, 200},
		{"channels", "filter_by_prefix=*", `{"channels":{}}`, 200},
		{"channels", "filter_by_prefix=none", `{"channels":{}}`, 200},
		{"channels", "info=user_count", "", 400},
		{"channels/a", "", `{"occupied":true}`, 200},
		{"channels/none", "", `{"occupied":false}`, 200},
		{"channels/a", "info=subscription_count", `{"occupied":true,"subscription_count":2}`, 200},
		{"channels/none", "info=subscription_count", `{"occupied":false,"subscription_count":0}`, 200},
		{"channels/a", "info=user_count", "", 400},
		{"channels/a:b", "", "", 400},
		{"channels/", "", "", 400},
		{"channels/a/", "", "", 404},
		{"channels/a/nothing", "", "", 404},
		{"channels/a/b/events", "", "", 404},
		{"", "", "", 404},
	}
	for _, c := range cases {
		t.Run(c.path+"?"+c.more, func(t *testing.T) {
			b := newBackend(t)
			b.occupied = map[string]int{"a": 2, "presence-b": 1, "private-c": 1}
			got := b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/"+c.path, "", c.more), "")
			if got.Code != c.status || c.want != "" && got.Body.String() != c.want+"\n" {
				t.Errorf("%d %s, want %d %s", got.Code, got.Body, c.status, c.want)
			}
		})
	}
}

func TestMethodsThatAreNotAPathsOwnAnswer405(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	for path, allowed := range map[string]string{
		"/apps/3/events": http.MethodPost, "/apps/3/batch_events": http.MethodPost, "/apps/3/channels": http.MethodGet,
		"/apps/3/channels/a": http.MethodGet, "/apps/3/channels/a/events": http.MethodPost,
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "get", "FOO"} {
			got := b.do(t, method, signed(method, path, "", ""), "")
			if (got.Code == http.StatusMethodNotAllowed) != (method != allowed) {
				t.Errorf("%s %s: %d %s", method, path, got.Code, got.Body)
			}
			if got.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s lets every page call", method, path)
			}
		}
	}
}
