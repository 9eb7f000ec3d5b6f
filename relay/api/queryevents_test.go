package api_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// sign is a target for a path, signed as [auth.SignRequest] does.
func sign(method, path, body string, query url.Values) string {
	b := []byte(body)
	if body == "" {
		b = nil
	}
	return path + "?" + auth.SignRequest(auth.Key{Key: key, Secret: secret}, method, path, query, b, fixedNow())
}

// Very old senders say in the query what others say in the body.
func TestPublicationsAreTakenFromTheQuery(t *testing.T) {
	t.Parallel()
	one := []protocol.Event{{Name: "e", Channel: "a", Data: "d"}}
	for name, c := range map[string]struct {
		path, body string
		query      url.Values
		want       []protocol.Event
		status     int
	}{
		"all":                     {"events", "", url.Values{"name": {"e"}, "channel": {"a"}, "data": {"d"}}, one, 200},
		"beside an empty object":  {"events", "{}", url.Values{"name": {"e"}, "channel": {"a"}, "data": {"d"}}, one, 200},
		"a part":                  {"events", `{"name":"e","data":"d"}`, url.Values{"channel": {"a"}}, one, 200},
		"channels":                {"events", "", url.Values{"name": {"e"}, "channels[]": {"b", "a", "b"}, "data": {"d"}}, []protocol.Event{{Name: "e", Channel: "b", Data: "d"}, {Name: "e", Channel: "a", Data: "d"}}, 200},
		"a socket to leave out":   {"events", "", url.Values{"name": {"e"}, "channel": {"a"}, "data": {"d"}, "socket_id": {"1.2"}}, []protocol.Event{{Name: "e", Channel: "a", Data: "d", Exclude: "1.2"}}, 200},
		"data that is empty":      {"events", "", url.Values{"name": {"e"}, "channel": {"a"}, "data": {""}}, []protocol.Event{{Name: "e", Channel: "a"}}, 200},
		"data with odd letters":   {"events", "", url.Values{"name": {"e f"}, "channel": {"a"}, "data": {`{"é":"+%;="}`}}, []protocol.Event{{Name: "e f", Channel: "a", Data: `{"é":"+%;="}`}}, 200},
		"the deprecated path":     {"channels/a/events", "d", url.Values{"name": {"e"}, "socket_id": {"1.2"}}, []protocol.Event{{Name: "e", Channel: "a", Data: "d", Exclude: "1.2"}}, 202},
		"the same, empty":         {"channels/a/events", "", url.Values{"name": {"e"}}, []protocol.Event{{Name: "e", Channel: "a"}}, 202},
		"nothing":                 {"events", "", nil, nil, 400},
		"a name twice":            {"events", "", url.Values{"name": {"e", "f"}, "channel": {"a"}, "data": {"d"}}, nil, 400},
		"a name in both places":   {"events", event, url.Values{"name": {"e"}}, nil, 400},
		"channels in both places": {"events", `{"name":"e","channels":["a"],"data":"d"}`, url.Values{"channels[]": {"a"}}, nil, 400},
		"both kinds of channels":  {"events", event, url.Values{"channels[]": {"a"}}, nil, 400},
		"a socket that is none":   {"events", event, url.Values{"socket_id": {"1.1\x00"}}, nil, 400},
		"data in both places":     {"channels/a/events", "d", url.Values{"name": {"e"}, "data": {"d"}}, nil, 400},
		"another channel":         {"channels/a/events", "d", url.Values{"name": {"e"}, "channel": {"b"}}, nil, 400},
		"other channels":          {"channels/a/events", "d", url.Values{"name": {"e"}, "channels[]": {"b"}}, nil, 400},
		"no name":                 {"channels/a/events", "d", nil, nil, 400},
	} {
		b := newBackend(t)
		target := sign(http.MethodPost, "/apps/3/"+c.path, c.body, c.query)
		if got := b.do(t, http.MethodPost, target, c.body); got.Code != c.status {
			t.Errorf("%s: %d %s, want %d", name, got.Code, got.Body, c.status)
		}
		if diff := cmp.Diff(c.want, b.published); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// What a plus stands for is what its sender signed.
func TestAPlusIsWhatWasSigned(t *testing.T) {
	t.Parallel()
	const path = "/apps/3/events"
	query := k + "&" + stamp + "&" + v1 + "&channel=a&data="
	for _, signed := range []string{"x+y", "x y"} {
		b := newBackend(t)
		signature := hexHMAC(http.MethodPost, path, query+signed+"&name=e")
		got := b.do(t, http.MethodPost, path+"?"+query+"x+y&name=e&auth_signature="+signature, "")
		want := []protocol.Event{{Name: "e", Channel: "a", Data: signed}}
		if diff := cmp.Diff(want, b.published); got.Code != http.StatusOK || diff != "" {
			t.Errorf("%q: %d %s %s", signed, got.Code, got.Body, diff)
		}
	}
}

func TestTheQueryMayAskForInfo(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	got := b.do(t, http.MethodPost, sign(http.MethodPost, "/apps/3/events", event, url.Values{"info": {"subscription_count"}}), event)
	if want := `{"channels":{"a":{"subscription_count":2}}}` + "\n"; got.Code != http.StatusOK || got.Body.String() != want {
		t.Errorf("%d %s, want %s", got.Code, got.Body, want)
	}
}

func TestTheDeprecatedStatsOfAChannel(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	for _, q := range []question{
		{"channels/presence-b/stats", "", `{"occupied":true,"user_count":2}`, 200},
		{"channels/presence-none/stats", "", `{"occupied":false,"user_count":0}`, 200},
		{"channels/a/stats", "", `{"occupied":true}`, 200},
		{"channels/a:b/stats", "", "Invalid channel name", 400},
		{"channels/a/b/stats", "", "nothing at this path", 404},
	} {
		b.ask(t, q)
	}
}

// Pusher's SDK for Python leaves out the app.
func TestAUsersConnectionsAreEndedWithoutNamingTheApp(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{
		"/users/u1/terminate_connections":        200,
		"/users/u/1/terminate_connections":       404,
		"/users//terminate_connections":          400,
		"/users/u1/":                             404,
		"/events":                                404,
		"/channels":                              404,
		"/apps//users/u1/terminate_connections":  401,
		"/apps/4/users/u1/terminate_connections": 401,
	} {
		b := newBackend(t)
		got := b.do(t, http.MethodPost, sign(http.MethodPost, path, "{}", nil), "{}")
		if got.Code != status || (len(b.ended) == 1) != (status == 200) {
			t.Errorf("%s: %d %s, ended %q", path, got.Code, got.Body, b.ended)
		}
	}
	b := newBackend(t)
	for name, query := range map[string]string{
		"no key": "", "an unknown key": "auth_key=nobody", "another app's key": "auth_key=other", "two keys": k + "&" + k,
		"signed for an app": sign(http.MethodPost, "/apps/3/users/u1/terminate_connections", "{}", nil)[len("/apps/3/users/u1/terminate_connections?"):],
	} {
		got := b.do(t, http.MethodPost, "/users/u1/terminate_connections?"+query, "{}")
		if got.Code != http.StatusUnauthorized || b.ended != nil {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if got := b.do(t, http.MethodGet, "/users/u1/terminate_connections", ""); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %s", got.Code, got.Header())
	}
}

// A hundred channels are asked about in one round trip.
func TestManyChannelsAreCountedAtOnce(t *testing.T) {
	t.Parallel()
	b := withAudience(t)
	const asking = `{"name":"e","channels":["a","presence-b","none"],"data":"d","info":"user_count,subscription_count"}`
	if status, text := b.post(t, "events", asking); status != http.StatusOK || b.counts != 1 {
		t.Errorf("%d %s: counted %d times", status, text, b.counts)
	}
	one := `{"name":"e","channel":"a","data":"d","info":"subscription_count"}`
	if status, text := b.post(t, "batch_events", `{"batch":[`+one+","+one+","+one+`]}`); status != http.StatusOK || b.counts != 2 {
		t.Errorf("%d %s: counted %d times", status, text, b.counts)
	}
}
