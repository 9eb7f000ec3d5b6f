package authorize_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
	"buildrelay/relay/authorize"
)

// signed is an answer.
type signed struct {
	Auth        string
	ChannelData *string `json:"channel_data"`
	UserData    string  `json:"user_data"`
}

func parse(t *testing.T, text string) (s signed) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestWhoMayIsSignedForAndNobodyElse(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	for _, channel := range []string{build, people} {
		w := e.post("/pusher/auth", subscribing(channel), "Cookie", "session=s3cret", "Cookie", "b=c", "Authorization", "Bearer t0ken")
		got := parse(t, w.Body.String())
		subscribe := protocol.Subscribe{Channel: channel, Auth: got.Auth, ChannelData: got.ChannelData}
		if err := e.app.CheckSubscribe(socketID, subscribe); w.Code != http.StatusOK || err != nil {
			t.Errorf("%s: %d %s: %v", channel, w.Code, w.Body, err)
		}
		if (got.ChannelData != nil) != (channel == people) || got.ChannelData != nil && *got.ChannelData != `{"user_id":"ada","user_info":{"name":"Ada"}}` {
			t.Errorf("%s: channel data in %s", channel, w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", w.Header())
		}
	}
	want := authorize.Question{
		App: "3", SocketID: socketID, Channel: build, Pattern: "private-build-{owner};{repo};{build}",
		Fields: map[string]string{"owner": "acme", "repo": "site", "build": "7"}, Cookie: "session=s3cret; b=c", Authorization: "Bearer t0ken", Address: netip.MustParseAddr("192.0.2.1"),
		After: 1,
	}
	if diff := cmp.Diff(want, e.decider.asked[0], cmp.Transformer("plain", func(s auth.Secret) string { return string(s) }), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("asked (- wanted, + got):\n%s", diff)
	}
	if n := testutil.ToFloat64(e.metrics.Authorizations.Authorizations.WithLabelValues("granted")); n != 2 || len(e.journal.refused) > 0 {
		t.Errorf("%v granted, refused %v", n, e.journal.refused)
	}
}

func TestAUserIsSignedIn(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	w := e.post("/pusher/user-auth", "socket_id="+socketID)
	got := parse(t, w.Body.String())
	if _, err := e.app.CheckSignin(socketID, protocol.Signin{Auth: got.Auth, UserData: got.UserData}); err != nil || got.UserData != `{"id":"ada","user_info":{"name":"Ada"}}` {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	if q := e.decider.asked[0]; q.Channel != "" || q.SocketID != socketID {
		t.Errorf("asked %+v", q)
	}
	e = newEndpoint(t, func(authorize.Question) (authorize.Answer, error) { return authorize.Answer{}, nil })
	if w := e.post("/pusher/user-auth", "socket_id="+socketID); w.Code != http.StatusForbidden {
		t.Errorf("whom nobody knows: %d %s", w.Code, w.Body)
	}
	if w := e.post("/pusher/auth", subscribing(people)); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "channel_data") {
		t.Errorf("a member who has signed in: %d %s", w.Code, w.Body)
	}
}

func TestSeveralChannelsAreAnsweredEachForItself(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(q authorize.Question) (authorize.Answer, error) {
		switch q.Channel {
		case people:
			return authorize.Answer{}, authorize.ErrDenied
		case "private-list":
			return authorize.Answer{}, errors.New("down")
		}
		return yes(q)
	})
	w := e.post("/pusher/auth", subscribing(build, people, "private-list", "private-other"))
	var got map[string]struct {
		Status int
		Data   signed
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	statuses := map[string]int{}
	for channel, answer := range got {
		statuses[channel] = answer.Status
		if (answer.Data.Auth != "") != (answer.Status == http.StatusOK) {
			t.Errorf("%s: %+v", channel, answer)
		}
	}
	if diff := cmp.Diff(map[string]int{build: 200, people: 403, "private-list": 503, "private-other": 403}, statuses); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
	if err := e.app.CheckSubscribe(socketID, protocol.Subscribe{Channel: build, Auth: got[build].Data.Auth}); err != nil {
		t.Error(err)
	}
	if len(e.journal.refused) != 3 {
		t.Errorf("recorded %v", e.journal.refused)
	}
	w = e.post("/pusher/auth", "socket_id="+socketID+"&channel_name[]="+url.QueryEscape(build)) // one, but as a list
	if !strings.Contains(w.Body.String(), `"status":200`) {
		t.Errorf("a list of one: %s", w.Body)
	}
}

// Nothing is signed that was not looked at, and nothing is asked about it.
func TestBadRequestsAreRefusedInWords(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	for name, tt := range map[string]struct {
		form   string
		status int
		want   string
	}{
		"nothing":              {"", 400, "socket_id must be there once"},
		"no channel":           {"socket_id=1.2", 400, "channel_name must be there once"},
		"no socket id":         {"channel_name=" + url.QueryEscape(build), 400, "socket_id"},
		"a bad socket id":      {"socket_id=1.2:private-x&channel_name=" + url.QueryEscape(build), 400, "socket_id"},
		"a user's socket id":   {"socket_id=1.2::user::{}&channel_name=" + url.QueryEscape(build), 400, "socket_id"},
		"a huge socket id":     {"socket_id=1." + strings.Repeat("2", 60) + "&channel_name=" + url.QueryEscape(build), 400, "socket_id"},
		"two socket ids":       {"socket_id=1.2&socket_id=3.4&channel_name=" + url.QueryEscape(build), 400, "socket_id"},
		"two channels":         {"socket_id=1.2&channel_name=a&channel_name=" + url.QueryEscape(build), 400, "channel_name must be there once"},
		"one and several":      {"socket_id=1.2&channel_name=a&channel_name[0]=" + url.QueryEscape(build), 400, "either"},
		"too many":             {"socket_id=1.2" + strings.Repeat("&channel_name[]=private-list", 11), 400, "10 channels"},
		"a bad name":           {"socket_id=1.2&channel_name=private-build-a:b", 400, "no name of a channel"},
		"a line end":           {"socket_id=1.2&channel_name=private-list%0a", 400, "no name of a channel"},
		"a long name":          {"socket_id=1.2&channel_name=private-" + strings.Repeat("x", 200), 400, "no name of a channel"},
		"a bad one of several": {"socket_id=1.2&channel_name[0]=private-list&channel_name[1]=a%20b", 400, "no name of a channel"},
		"a huge body":          {"socket_id=1.2&channel_name=" + url.QueryEscape(build) + "&x=" + strings.Repeat("x", 65_536), 400, "64 KiB"},
		"no form":              {"socket_id=%zz", 400, "no form"},
		"a semicolon":          {"socket_id=1.2;channel_name=a", 400, "no form"},
		"public":               {subscribing("build-acme;site;7"), 403, "only private and presence channels"},
		"encrypted":            {subscribing("private-encrypted-x"), 403, "the keys of encrypted ones are the backend's"},
		"encrypted cache":      {subscribing("private-encrypted-cache-x"), 403, "encrypted"},
		"a user's channel":     {subscribing("#server-to-user-ada"), 403, "only private and presence channels"},
		"a user's, with more":  {subscribing("#server-to-user-a:b"), 403, "only private and presence channels"},
		"no pattern":           {subscribing("private-build-acme;site"), 403, "no pattern has channels of this name"},
	} {
		w := e.post("/pusher/auth", tt.form)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "key:") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if len(e.decider.asked) > 0 {
		t.Errorf("asked about %v", e.decider.asked)
	}
	if w := e.post("/pusher/auth", "&"+subscribing(build)+"&x=y"); w.Code != http.StatusOK {
		t.Errorf("an old client's form: %d %s", w.Code, w.Body)
	}
}

func TestOnlyFormsThatArePostedAreRead(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	jsonp := httptest.NewRequest(http.MethodGet, "/pusher/auth?callback=x&"+subscribing(build), nil)
	if w := e.do(jsonp); w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Body.String(), "jsonp is not supported") {
		t.Errorf("jsonp: %d %s", w.Code, w.Body)
	}
	text := httptest.NewRequest(http.MethodPost, "/pusher/auth", strings.NewReader(subscribing(build)))
	text.Header.Set("Content-Type", "text/plain")
	if w := e.do(text); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("text: %d %s", w.Code, w.Body)
	}
	query := httptest.NewRequest(http.MethodPost, "/pusher/auth?"+subscribing(build), nil)
	query.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if w := e.do(query); w.Code != http.StatusBadRequest {
		t.Errorf("a query: %d %s", w.Code, w.Body)
	}
}

func TestWhatIsNotSaidToBeAllowedIsRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decide func(authorize.Question) (authorize.Answer, error)
		path   string
		form   string
		want   audit.Record
	}{
		"no": {no, "/pusher/auth", subscribing(build), audit.Record{
			Action: audit.ActionSubscriptionDeny, Target: audit.Entity{ID: build, Type: "channel", Name: build},
			Payload: audit.SubscriptionDeny{Channel: build, SocketID: socketID, Code: 403, Reason: "denied", Count: 1},
		}},
		"no answer": {func(authorize.Question) (authorize.Answer, error) {
			return authorize.Answer{}, errors.New("s3cret")
		}, "/pusher/auth", subscribing(build), audit.Record{
			Action: audit.ActionSubscriptionDeny, Target: audit.Entity{ID: build, Type: "channel", Name: build},
			Payload: audit.SubscriptionDeny{Channel: build, SocketID: socketID, Code: 503, Reason: "undecided", Count: 1},
		}},
		"a member that is none": {func(authorize.Question) (authorize.Answer, error) {
			return authorize.Answer{Member: &protocol.Member{ID: "a", Info: `{"x":"` + strings.Repeat("x", 2000) + `"}`}}, nil
		}, "/pusher/auth", subscribing(people), audit.Record{
			Action: audit.ActionSubscriptionDeny, Target: audit.Entity{ID: people, Type: "channel", Name: people},
			Payload: audit.SubscriptionDeny{Channel: people, SocketID: socketID, Code: 503, Reason: "undecided", Count: 1},
		}},
		"no pattern": {yes, "/pusher/auth", subscribing("private-x"), audit.Record{
			Action: audit.ActionSubscriptionDeny, Target: audit.Entity{ID: "private-x", Type: "channel", Name: "private-x"},
			Payload: audit.SubscriptionDeny{Channel: "private-x", SocketID: socketID, Code: 403, Reason: "pattern", Count: 1},
		}},
		"no user": {no, "/pusher/user-auth", "socket_id=" + socketID, audit.Record{
			Action: audit.ActionSigninRefuse, Target: audit.Entity{ID: "3", Type: "app"},
			Payload: audit.SigninRefuse{SocketID: socketID, Code: 403, Reason: "denied", Count: 1},
		}},
	} {
		e := newEndpoint(t, tt.decide)
		w := e.post(tt.path, tt.form, "Cookie", "s3cret", "Origin", "https://ci.example.com")
		if w.Code < 400 || strings.Contains(w.Body.String(), "s3cret") || len(e.journal.refused) != 1 {
			t.Fatalf("%s: %d %s, recorded %v", name, w.Code, w.Body, e.journal.refused)
		}
		got := e.journal.refused[0]
		if line, err := audit.Encode(got); err != nil || strings.Contains(string(line.Line), "s3cret") {
			t.Errorf("%s: %s, %v", name, line.Line, err)
		}
		tt.want.Scope, tt.want.Actor = audit.Entity{ID: "3", Type: "app"}, audit.Entity{ID: "192.0.2.1", Type: "address"}
		tt.want.Metadata = map[string]string{"ip": "192.0.2.1", "origin": "https://ci.example.com"}
		tt.want.OccurredAt, tt.want.ID, tt.want.Version = got.OccurredAt, got.ID, 1
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: recorded (- wanted, + got):\n%s", name, diff)
		}
	}
}

// The decider's users are those of one app: whoever names another gets nothing of it, be it one that
// is served here.
func TestTheOneAppIsSignedForWhateverKeyIsNamed(t *testing.T) {
	t.Parallel()
	apps := []auth.App{
		{ID: "3", Keys: []auth.Key{{Key: "key", Secret: "a"}}, Origins: auth.Origins{"https://a.example"}},
		{ID: "4", Keys: []auth.Key{{Key: "four", Secret: "b"}, {Key: "gone", Secret: "c", State: auth.KeyRevoked}}, Origins: auth.Origins{"https://b.example"}},
		{ID: "5", Keys: []auth.Key{{Key: "five", Secret: "d"}}, Disabled: true},
	}
	const unknown = "403 the app is unknown here"
	for _, tt := range []struct {
		app   string
		apps  []auth.App
		query string
		want  string
	}{
		{"4", apps, "", `200 {"auth":"four:`},
		{"4", apps, "?app_key=four", `200 {"auth":"four:`},
		{"4", apps, "?app_key=key", unknown},
		{"4", apps, "?app_key=gone", unknown},
		{"4", apps, "?app_key=five", unknown},
		{"4", apps, "?app_key=x", unknown},
		{"5", apps, "", unknown},
		{"5", apps, "?app_key=five", unknown},
		{"6", apps, "", unknown},
		{"", apps, "", unknown},
		{"", apps, "?app_key=key", unknown},
		{"", apps[:1], "", `200 {"auth":"key:`},
		{"", apps[:1], "?app_key=key", `200 {"auth":"key:`},
		{"", apps[:1], "?app_key=four", unknown},
		{"", apps[2:], "", unknown},
	} {
		e := newEndpoint(t, yes, tt.apps...)
		e.App = tt.app
		for path, form := range map[string]string{"/pusher/auth": subscribing(build), "/pusher/user-auth": "socket_id=" + socketID} {
			w := e.post(path+tt.query, form)
			if got := strconv.Itoa(w.Code) + " " + w.Body.String(); !strings.HasPrefix(got, tt.want) {
				t.Errorf("app %q of %d, %s%s: %s", tt.app, len(tt.apps), path, tt.query, got)
			}
		}
		if (len(e.decider.asked) > 0) != strings.HasPrefix(tt.want, "200") {
			t.Errorf("app %q of %d, %s: asked %v", tt.app, len(tt.apps), tt.query, e.decider.asked)
		}
	}
	e := newEndpoint(t, yes, apps...)
	e.App = "4"
	for origin, want := range map[string]int{"https://a.example": 403, "https://b.example": 200} {
		if w := e.post("/pusher/auth", subscribing(build), "Origin", origin, "Sec-Fetch-Site", "cross-site"); w.Code != want {
			t.Errorf("a page of %s: %d %s", origin, w.Code, w.Body)
		}
	}
}
