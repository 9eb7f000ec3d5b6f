package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"buildrelay/protocol"
)

// withAudience is a backend some of whose channels are occupied.
func withAudience(t *testing.T) *backend {
	t.Helper()
	b := newBackend(t)
	b.occupied = map[string]int{"a": 2, "private-c": 1, "private-encrypted-d": 3, "cache-e": 1}
	b.members = map[string][]string{
		"presence-b": {"u2", "u1"}, "presence-cache-f": {"u1"}, "#server-to-user-u1": {"u1"},
	}
	b.caches = map[string]protocol.Cached{
		"cache-e":          {Event: protocol.Event{Name: "e", Data: `{"a":"<&>é"}`}, TTL: 59*time.Second + 1},
		"presence-cache-f": {Event: protocol.Event{Name: "e", Data: ""}, TTL: 30 * time.Minute},
		"cache-left":       {Event: protocol.Event{Name: "e", Data: "d"}, TTL: time.Millisecond},
	}
	return b
}

// question is a GET, and what it is answered; want may be part of an error's text.
type question struct {
	path, more, want string
	status           int
}

func (b *backend) ask(t *testing.T, q question) {
	t.Helper()
	got := b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/"+q.path, "", q.more), "")
	text := got.Body.String()
	ok := text == q.want+"\n"
	if q.status != http.StatusOK {
		ok = strings.Contains(text, q.want) && strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain")
	}
	if got.Code != q.status || !ok {
		t.Errorf("%s?%s: %d %s, want %d %s", q.path, q.more, got.Code, text, q.status, q.want)
	}
}

func TestOccupiedChannelsAreListed(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	for _, q := range []question{
		{"channels", "", `{"channels":{"a":{},"cache-e":{},"presence-b":{},"presence-cache-f":{},"private-c":{},"private-encrypted-d":{}}}`, 200},
		{"channels", "filter_by_prefix=private-", `{"channels":{"private-c":{},"private-encrypted-d":{}}}`, 200},
		{"channels", "filter_by_prefix=#", `{"channels":{}}`, 200},
		{"channels", "filter_by_prefix=*", `{"channels":{}}`, 200},
		{"channels", "filter_by_prefix=none", `{"channels":{}}`, 200},
		{"channels", "filter_by_prefix=presence-&info=user_count", `{"channels":{"presence-b":{"user_count":2},"presence-cache-f":{"user_count":1}}}`, 200},
		{"channels", "filter_by_prefix=presence-c&info=user_count", `{"channels":{"presence-cache-f":{"user_count":1}}}`, 200},
		{"channels", "filter_by_prefix=presence-none&info=user_count", `{"channels":{}}`, 200},
		{"channels", "filter_by_prefix=a&info=", `{"channels":{"a":{}}}`, 200},
		{"channels", "info=user_count", "presence-", 400},
		{"channels", "filter_by_prefix=presence&info=user_count", "presence-", 400},
		{"channels", "filter_by_prefix=private-&info=user_count", "presence-", 400},
		{"channels", "filter_by_prefix=presence-&info=subscription_count", "subscription_count", 400},
		{"channels", "filter_by_prefix=presence-&info=user_count,cache", "cache", 400},
		{"channels", "filter_by_prefix=presence-&info=user_count&info=cache", "cache", 400},
	} {
		b.ask(t, q)
	}
	empty := newBackend(t)
	empty.ask(t, question{"channels", "", `{"channels":{}}`, 200})
}

func TestOneChannelIsDescribed(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	for _, q := range []question{
		{"channels/a", "", `{"occupied":true}`, 200},
		{"channels/none", "", `{"occupied":false}`, 200},
		{"channels/presence-b", "", `{"occupied":true}`, 200},
		{"channels/%23server-to-user-u1", "", `{"occupied":true}`, 200},
		{"channels/%23server-to-user-u2", "", `{"occupied":false}`, 200},
		{"channels/a", "info=", `{"occupied":true}`, 200},
		{"channels/a", "info=subscription_count", `{"occupied":true,"subscription_count":2}`, 200},
		{"channels/a", "info=subscription_count,cache", `{"cache":null,"occupied":true,"subscription_count":2}`, 200},
		{"channels/a", "info=subscription_count,,cache,", `{"cache":null,"occupied":true,"subscription_count":2}`, 200},
		{"channels/none", "info=subscription_count", `{"occupied":false,"subscription_count":0}`, 200},
		{"channels/private-encrypted-d", "info=subscription_count", `{"occupied":true,"subscription_count":3}`, 200},
		{"channels/presence-b", "info=user_count", `{"occupied":true,"user_count":2}`, 200},
		{"channels/presence-none", "info=user_count", `{"occupied":false,"user_count":0}`, 200},
		{"channels/cache-e", "info=cache", `{"cache":{"data":"{\"a\":\"\u003c\u0026\u003eé\"}","ttl":60},"occupied":true}`, 200},
		{"channels/presence-cache-f", "info=cache,user_count", `{"cache":{"data":"","ttl":1800},"occupied":true,"user_count":1}`, 200},
		{"channels/cache-left", "info=cache", `{"cache":{"data":"d","ttl":1},"occupied":false}`, 200},
		{"channels/cache-none", "info=cache,subscription_count", `{"cache":null,"occupied":false,"subscription_count":0}`, 200},
		{"channels/a", "info=user_count", "user_count", 400},
		{"channels/cache-e", "info=cache,user_count", "user_count", 400},
		{"channels/presence-b", "info=subscription_count", "subscription_count", 400},
		{"channels/presence-b", "info=user_count,subscription_count", "subscription_count", 400},
		{"channels/%23server-to-user-u1", "info=subscription_count", "subscription_count", 400},
		{"channels/%23server-to-user-u1", "info=user_count", "user_count", 400},
		{"channels/a", "info=members", "members", 400},
		{"channels/a:b", "", "Invalid channel name", 400},
		{"channels/%23x", "", "Invalid channel name", 400},
		{"channels/", "", "Invalid channel name", 400},
	} {
		b.ask(t, q)
	}
}

func TestMembersOfPresenceChannelsAreListed(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	for _, q := range []question{
		{"channels/presence-b/users", "", `{"users":[{"id":"u1"},{"id":"u2"}]}`, 200},
		{"channels/presence-cache-f/users", "info=anything", `{"users":[{"id":"u1"}]}`, 200},
		{"channels/presence-none/users", "", `{"users":[]}`, 200},
		{"channels/a/users", "", "no presence channel", 400},
		{"channels/%23server-to-user-u1/users", "", "no presence channel", 400},
		{"channels/presence-a%20b/users", "", "Invalid channel name", 400},
		{"channels//users", "", "Invalid channel name", 400},
	} {
		b.ask(t, q)
	}
}

func TestPathsThatAreNoneAnswer404(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	for _, path := range []string{
		"", "users", "users/u1", "users/u1/", "users/terminate_connections", "channels/a/", "channels/a/nothing",
		"channels/a/b/events", "channels/a%2Fusers/", "channels/presence-b/users/", "channels/presence-b/u%73ers", "events/a",
	} {
		b.ask(t, question{path, "", "nothing at this path", 404})
	}
}

// Who asks may try again; it is not told where Redis is.
func TestWhatCannotBeAskedForNowAnswers503(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	b.away = errAway
	for _, q := range []question{
		{"channels", "", "the channels could not be listed, try again", 503},
		{"channels/a", "", "the channel could not be counted, try again", 503},
		{"channels/presence-b/users", "", "the users could not be listed, try again", 503},
	} {
		b.ask(t, q)
		got := b.do(t, http.MethodGet, signed(http.MethodGet, "/apps/3/"+q.path, "", ""), "")
		if strings.Contains(got.Body.String(), "10.0.0.1") {
			t.Errorf("%s tells where Redis is: %s", q.path, got.Body)
		}
	}
	c := withAudience(t)
	c.Caches = &occupancy{away: errAway}
	c.ask(t, question{"channels/cache-e", "info=cache", "the cache could not be read, try again", 503})
	c.ask(t, question{"channels/a", "info=cache", `{"cache":null,"occupied":true}`, 200})
}

func TestMethodsThatAreNotAPathsOwnAnswer405(t *testing.T) {
	t.Parallel()
	b := newBackend(t)
	for path, allowed := range map[string]string{
		"/apps/3/events": http.MethodPost, "/apps/3/batch_events": http.MethodPost, "/apps/3/channels": http.MethodGet,
		"/apps/3/channels/a": http.MethodGet, "/apps/3/channels/a/events": http.MethodPost,
		"/apps/3/channels/presence-a/users": http.MethodGet, "/apps/3/users/u1/terminate_connections": http.MethodPost,
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
