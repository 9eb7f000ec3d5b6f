package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/audit"
)

// withKeys is a backend whose app has keys that may do more or less, and an audience.
func withKeys(t *testing.T) *backend {
	t.Helper()
	b := withAudience(t)
	app := auth.App{ID: "3", Keys: []auth.Key{
		{Key: key, Secret: secret},
		{Key: "old", Secret: "old", State: auth.KeyRevoked},
		{Key: "going", Secret: "going", State: auth.KeyRetiring},
		{Key: "writer", Secret: "writer", Rights: []auth.Right{auth.RightPublish}},
		{Key: "reader", Secret: "reader", Rights: []auth.Right{auth.RightRead}},
		{Key: "client", Secret: "client", Rights: []auth.Right{auth.RightSubscribe}},
		{Key: "fork", Secret: "fork", Channels: protocol.Patterns{"private-fork-*", "presence-b", "#server-to-user-u1"}},
		{Key: "a:b", Secret: "a:b"},
	}}
	if err := b.Apps.Replace(app); err != nil {
		t.Fatal(err)
	}
	b.Apps.Uses.Keep([]auth.App{app}, b.Now())
	return b
}

// as has the API answer a call that is signed by a key, whose secret is its name.
func (b *backend) as(t *testing.T, signer, method, path, query, body string) *httptest.ResponseRecorder {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	secretOf := auth.Secret(signer)
	if signer == key {
		secretOf = secret
	}
	path = "/apps/3/" + path
	signed := auth.SignRequest(auth.Key{Key: signer, Secret: secretOf}, method, path, values, []byte(body), b.Now())
	return b.do(t, method, (&url.URL{Path: path, RawQuery: signed}).String(), body)
}

const (
	fork  = `{"name":"e","channel":"private-fork-1","data":"d"}`
	forks = `{"batch":[` + fork + `,` + fork + `]}`
	mixed = `{"batch":[` + fork + `,` + event + `]}`
	asks  = `{"name":"e","channel":"presence-b","data":"d","info":"user_count"}`
)

func TestKeysMayCallWhatTheirRightsSay(t *testing.T) {
	t.Parallel()
	const post, get = http.MethodPost, http.MethodGet
	mayNot := func(key, what string) string { return "the key " + key + " lacks the right to " + what + "\n" }
	for _, test := range []struct {
		key, method, path, query, body string
		status                         int
		text                           string // of a refusal
	}{
		{key, post, "events", "", event, 200, ""},
		{"a:b", post, "events", "", event, 200, ""},
		{"going", post, "events", "", event, 200, ""},
		{"going", get, "channels", "", "", 200, ""},
		{"old", post, "events", "", event, 401, "Unknown auth_key\n"},
		{"old", get, "channels", "", "", 401, "Unknown auth_key\n"},
		{"nobody", get, "channels", "", "", 401, "Unknown auth_key\n"},

		{"writer", post, "events", "", event, 200, ""},
		{"writer", post, "batch_events", "", mixed, 200, ""},
		{"writer", post, "users/u1/terminate_connections", "", "{}", 200, ""},
		{"writer", post, "events", "", asks, 403, mayNot("writer", "read")},
		{"writer", get, "channels", "", "", 403, mayNot("writer", "read")},
		{"writer", get, "channels/a", "", "", 403, mayNot("writer", "read")},
		{"writer", get, "channels/a/history", "", "", 403, mayNot("writer", "read")},
		{"writer", http.MethodHead, "channels/a/log", "", "", 403, mayNot("writer", "read")},

		{"reader", get, "channels", "", "", 200, ""},
		{"reader", get, "channels/presence-b/users", "", "", 200, ""},
		{"reader", post, "events", "", event, 403, mayNot("reader", "publish")},
		{"reader", post, "batch_events", "", mixed, 403, mayNot("reader", "publish")},
		{"reader", post, "channels/a/events", "name=e", "d", 403, mayNot("reader", "publish")},
		{"reader", post, "users/u1/terminate_connections", "", "{}", 403, mayNot("reader", "publish")},
		{"reader", post, "audit", "", "{}", 403, mayNot("reader", "publish")},
		{"client", post, "events", "", event, 403, mayNot("client", "publish")},
		{"client", get, "channels", "", "", 403, mayNot("client", "read")},

		{"fork", post, "events", "", fork, 200, ""},
		{"fork", post, "batch_events", "", forks, 200, ""},
		{"fork", post, "events", "", asks, 200, ""},
		{"fork", post, "channels/private-fork-1/events", "name=e", "d", 202, ""},
		{"fork", post, "events", "", event, 403, mayNot("fork", "publish on a")},
		{"fork", post, "batch_events", "", mixed, 403, mayNot("fork", "publish on a")},
		{"fork", post, "events", "", `{"name":"e","channels":["private-fork-1","private-c"],"data":"d"}`, 403, mayNot("fork", "publish on private-c")},
		{"fork", post, "channels/a/events", "name=e", "d", 403, mayNot("fork", "publish on a")},
		{"fork", post, "users/u1/terminate_connections", "", "{}", 200, ""},
		{"fork", post, "users/u2/terminate_connections", "", "{}", 403, mayNot("fork", "publish on #server-to-user-u2")},
		{"fork", post, "audit", "", "{}", 403, mayNot("fork", "report to the audit trail: it is limited to some channels")},
		{"fork", get, "channels/private-fork-1", "", "", 200, ""},
		{"fork", get, "channels/presence-b/users", "", "", 200, ""},
		{"fork", get, "channels/a", "", "", 403, mayNot("fork", "read on a")},
		{"fork", get, "channels/a/stats", "", "", 403, mayNot("fork", "read on a")},
		{"fork", get, "channels/presence-cache-f/users", "", "", 403, mayNot("fork", "read on presence-cache-f")},
		{"fork", get, "channels/private-c/history", "", "", 403, mayNot("fork", "read on private-c")},
		{"fork", get, "channels/private-c/log", "", "", 403, mayNot("fork", "read on private-c")},
	} {
		b := withKeys(t)
		b.Reports = &reports{}
		got := b.as(t, test.key, test.method, test.path, test.query, test.body)
		if got.Code != test.status || test.text != "" && got.Body.String() != test.text {
			t.Errorf("%s %s %s: %d %s want %d %s", test.key, test.method, test.path, got.Code, got.Body, test.status, test.text)
		}
		if test.status >= http.StatusBadRequest && len(b.published)+len(b.ended) > 0 {
			t.Errorf("%s %s %s: it is done all the same", test.key, test.method, test.path)
		}
	}
}

func TestListsHaveTheChannelsThatTheKeyMayRead(t *testing.T) {
	t.Parallel()
	b := withKeys(t)
	for query, want := range map[string]string{
		"":                         `{"channels":{"presence-b":{}}}`,
		"filter_by_prefix=private": `{"channels":{}}`,
		"filter_by_prefix=presence-&info=user_count": `{"channels":{"presence-b":{"user_count":2}}}`,
	} {
		if got := b.as(t, "fork", http.MethodGet, "channels", query, ""); got.Body.String() != want+"\n" {
			t.Errorf("%s: %d %s", query, got.Code, got.Body)
		}
	}
}

// Whoever may publish to some channels cannot take the Idempotency-Keys of others' calls.
func TestALimitedKeyClaimsForItselfAlone(t *testing.T) {
	t.Parallel()
	b := withKeys(t)
	call := func(signer, body string) int {
		path := "/apps/3/events"
		target := path + "?" + auth.SignRequest(auth.Key{Key: signer, Secret: auth.Secret(signer)}, http.MethodPost, path, nil, []byte(body), b.Now())
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
		request.Header.Set("Idempotency-Key", "build-7")
		recorder := httptest.NewRecorder()
		b.ServeHTTP(recorder, request)
		return recorder.Code
	}
	for i, test := range []struct {
		signer, body string
		status       int
	}{
		{"fork", fork, 200},
		{"writer", event, 200},
		{"writer", fork, 409},
		{"going", event, 200},
		{"fork", fork, 200},
		{"fork", asks, 409},
	} {
		if got := call(test.signer, test.body); got != test.status {
			t.Errorf("call %d by %s: %d, want %d", i, test.signer, got, test.status)
		}
	}
}

func TestCallsAreNotedAsUsesOfTheirKey(t *testing.T) {
	t.Parallel()
	b := withKeys(t)
	b.as(t, "going", http.MethodPost, "events", "", event)
	b.as(t, "reader", http.MethodGet, "channels", "", "")
	b.as(t, "reader", http.MethodPost, "events", "", event)
	b.as(t, "old", http.MethodPost, "events", "", event)
	b.as(t, "old", http.MethodGet, "channels", "", "")
	b.do(t, http.MethodGet, "/apps/3/channels?auth_key=writer&auth_signature=00&"+stamp+"&"+v1, "") // is not signed
	b.do(t, http.MethodGet, "/apps/4/channels?auth_key=client", "")                                 // is not its app
	got := make(map[string][]string)
	for _, use := range b.Apps.Uses.All() {
		for _, as := range auth.AllUses() {
			if at, ok := use.Last[as]; ok && at.Equal(b.Now()) {
				got[use.Key] = append(got[use.Key], string(as))
			}
		}
		if use.Key == "old" && use.Refused != 2 {
			t.Errorf("old was refused %d times", use.Refused)
		}
	}
	want := map[string][]string{"going": {"publish"}, "reader": {"read", "refused"}, "old": {"refused"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whoever has a key that is limited could keep it looking as if it were in use by calls that
// nobody answers.
func TestCallsThatAreRefusedAreNoUsesOfTheirKey(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, query, body string }{
		{http.MethodPost, "events", "", event},
		{http.MethodPost, "batch_events", "", mixed},
		{http.MethodPost, "channels/a/events", "name=e", "d"},
		{http.MethodPost, "users/u2/terminate_connections", "", "{}"},
		{http.MethodPost, "audit", "", "{}"},
		{http.MethodGet, "channels/a", "", ""},
		{http.MethodGet, "channels/a/stats", "", ""},
		{http.MethodGet, "channels/presence-cache-f/users", "", ""},
		{http.MethodGet, "channels/private-c/history", "", ""},
		{http.MethodGet, "channels/private-c/log", "", ""},
	} {
		b := withKeys(t)
		b.Reports = &reports{}
		if got := b.as(t, "fork", c.method, c.path, c.query, c.body); got.Code != http.StatusForbidden {
			t.Fatalf("%s: %d %s", c.path, got.Code, got.Body)
		}
		for _, use := range b.Apps.Uses.All() {
			if use.Key == "fork" && (!use.LastUsed().IsZero() || use.Refused != 1) {
				t.Errorf("%s %s: used %v, refused %d times", c.method, c.path, use.Last, use.Refused)
			}
		}
	}
}

// Every try of a key that is revoked, or lacks a right, has its record.
func TestRefusalsOfKeysAreRecorded(t *testing.T) {
	t.Parallel()
	b := withKeys(t)
	a := &trail{}
	b.Auditor = a
	b.as(t, "old", http.MethodGet, "channels", "", "")
	b.as(t, "writer", http.MethodGet, "channels", "", "")
	b.as(t, "old", http.MethodPost, "events", "", event)
	b.as(t, "fork", http.MethodPost, "events", "", event)
	b.as(t, "nobody", http.MethodGet, "channels", "", "")
	app := audit.Entity{ID: "3", Type: "app"}
	refused := func(key, cause string) audit.Record {
		return audit.Record{
			Action: audit.ActionKeyRefuse, Actor: audit.Entity{ID: key, Type: "key"}, Target: audit.Entity{ID: key, Type: "key"}, Scope: app,
			Payload: audit.KeyRefuse{App: "3", Key: key, Use: "read", Reason: cause, Count: 1}, Metadata: map[string]string{},
		}
	}
	denied := func(key, cause string, status int) audit.Record {
		return audit.Record{
			Action: audit.ActionPublishDeny, Actor: audit.Entity{ID: key, Type: "key"}, Target: app, Scope: app,
			Payload: audit.PublishDeny{Key: key, Status: status, Reason: cause, Bytes: int64(len(event)), Count: 1}, Metadata: map[string]string{},
		}
	}
	expectRecords(t, []audit.Record{
		refused("old", "revoked key"), refused("writer", "key's rights"),
		denied("old", "revoked key", 401), denied("fork", "key's rights", 403),
	}, a.refused)
}
