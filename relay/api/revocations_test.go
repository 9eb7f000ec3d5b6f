package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// revoker keeps what was revoked, unless it fails.
type revoker struct {
	revoked []relay.Revocation
	fails   error
}

func (r *revoker) Revoke(_ context.Context, n relay.Revocation) error {
	if r.fails == nil {
		r.revoked = append(r.revoked, n)
	}
	return r.fails
}

func (r *revoker) expect(t *testing.T, want ...relay.Revocation) {
	t.Helper()
	if diff := cmp.Diff(want, r.revoked); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	r.revoked = nil
}

func (b *backend) revoke(t *testing.T, signer, body string, want int, text string) {
	t.Helper()
	if got := b.as(t, signer, http.MethodPost, "revocations", "", body); got.Code != want || !strings.Contains(got.Body.String(), text) {
		t.Errorf("%s by %s: %d %s, want %d %s", body, signer, got.Code, got.Body, want, text)
	}
}

func TestUsersAndChannelsAreRevoked(t *testing.T) {
	t.Parallel()
	b, r := withKeys(t), &revoker{}
	b.Revocations = r
	b.revoke(t, key, `{"user_id":"ada"}`, 200, "{}")
	b.revoke(t, key, `{"channel":"private-build-*"}`, 200, "{}")
	b.revoke(t, "writer", `{"user_id":"ä b","channel":"*"}`, 200, "{}")
	b.revoke(t, key, `{"channel":"pri*-acme-*","user_id":null}`, 200, "{}")
	b.revoke(t, key, `{"channel":"presence-x"}`, 200, "{}")
	b.revoke(t, key, `{"channel":"#server-to-user-*"}`, 200, "{}")
	r.expect(
		t, relay.Revocation{App: "3", User: "ada"}, relay.Revocation{App: "3", Channel: "private-build-*"}, relay.Revocation{App: "3", User: "ä b", Channel: "*"},
		relay.Revocation{App: "3", Channel: "pri*-acme-*"}, relay.Revocation{App: "3", Channel: "presence-x"}, relay.Revocation{App: "3", Channel: "#server-to-user-*"},
	)
}

func TestWhatCannotBeMeantIsNotRevoked(t *testing.T) {
	t.Parallel()
	b, r := withKeys(t), &revoker{}
	b.Revocations = r
	for body, want := range map[string]string{
		"":                                   "the body is not the JSON",
		"[]":                                 "the body is not the JSON",
		"{}":                                 "must have user_id, channel or both",
		`{"user_id":null}`:                   "must have user_id, channel or both",
		`{"user_id":"ada","reason":"fired"}`: "and nothing else",
		`{"user":"ada"}`:                     "and nothing else",
		`{"user_id":"ada","user_id":"bob"}`:  "the body is not the JSON",
		`{"user_id":"ada","User_ID":"bob"}`:  "the body is not the JSON",
		`{"user_id":7}`:                      "user_id must be a string",
		`{"user_id":""}`:                     "1 to 128 characters",
		`{"user_id":"` + strings.Repeat("é", 129) + `"}`:           "1 to 128 characters",
		`{"user_id":"\ud800"}`:                                     "half a surrogate pair",
		`{"channel":["private-x"]}`:                                "channel must be a string",
		`{"channel":""}`:                                           "channel must be the name",
		`{"channel":"private build"}`:                              "channel must be the name",
		`{"channel":"private-` + strings.Repeat("x", 1000) + `*"}`: "channel must be the name",
		`{"channel":"builds"}`:                                     "others anybody may watch",
		`{"channel":"builds-*"}`:                                   "others anybody may watch",
		`{"channel":"private"}`:                                    "others anybody may watch",
		`{"user_id":"ada","channel":"cache-x"}`:                    "others anybody may watch",
	} {
		b.revoke(t, key, body, 400, want)
	}
	r.expect(t)
}

// The key of a fork's builds may not close the connections of who watches them, nor fill what is known.
func TestAKeyThatIsLimitedToChannelsRevokesNothing(t *testing.T) {
	t.Parallel()
	b, r := withKeys(t), &revoker{}
	b.Revocations = r
	const denied = "the key fork lacks the right to revoke: it is limited to some channels"
	for _, body := range []string{
		`{"channel":"private-fork-1"}`, `{"channel":"private-fork-*"}`, `{"channel":"presence-b"}`, `{"channel":"private-fork-1","user_id":"u1"}`,
		`{"channel":"private-*"}`, `{"user_id":"u1"}`, `{}`,
	} {
		b.revoke(t, "fork", body, 403, denied)
	}
	b.revoke(t, "reader", `{"user_id":"u1"}`, 403, "the key reader lacks the right to publish")
	b.revoke(t, "client", `{"user_id":"u1"}`, 403, "the key client lacks the right to publish")
	b.revoke(t, "old", `{"user_id":"u1"}`, 401, "Unknown auth_key")
	b.revoke(t, "nobody", `{"user_id":"u1"}`, 401, "Unknown auth_key")
	if got := b.do(t, http.MethodPost, "/apps/3/revocations", `{"user_id":"u1"}`); got.Code != 401 {
		t.Errorf("not signed: %d %s", got.Code, got.Body)
	}
	r.expect(t)
}

func TestWhatCannotBeToldIsSaid(t *testing.T) {
	t.Parallel()
	b, r := withKeys(t), &revoker{}
	b.revoke(t, key, `{"user_id":"u1"}`, 404, "nothing is revoked here")
	b.Revocations = r
	r.fails = errAway
	b.revoke(t, key, `{"user_id":"u1"}`, 503, "the revocation could not be told, try again\n")
	r.fails = relay.ErrRevocationsFull
	b.revoke(t, key, `{"user_id":"u1"}`, 429, "10000 revocations in the last hour")
}

func revocationOf(signer, user, channel string, target audit.Entity, success bool, metadata map[string]string) audit.Record {
	return audit.Record{
		Action: audit.ActionAuthorizationRevoke, Actor: audit.Entity{ID: signer, Type: "key"}, Target: target, Scope: audit.Entity{ID: "3", Type: "app"},
		Payload: audit.AuthorizationRevoke{User: user, Channel: channel}, Metadata: metadata, Success: success,
	}
}

func TestRevocationsAreRecordedBefore(t *testing.T) {
	t.Parallel()
	b, a, r := withKeys(t), &trail{}, &revoker{}
	b.Auditor, b.Revocations = a, r
	ada := audit.Entity{ID: "ada", Type: "user"}
	builds := audit.Entity{ID: "private-build-*", Type: "channel", Name: "private-build-*"}
	b.revoke(t, key, `{"user_id":"ada"}`, 200, "")
	b.revoke(t, key, `{"user_id":"ada","channel":"private-build-*"}`, 200, "")
	b.revoke(t, key, `{"channel":"private-build-*"}`, 200, "")
	expectRecords(t, []audit.Record{
		revocationOf(key, "ada", "", ada, true, map[string]string{}), revocationOf(key, "ada", "private-build-*", ada, true, map[string]string{}),
		revocationOf(key, "", "private-build-*", builds, true, map[string]string{}),
	}, a.confirmed)

	r.revoked, r.fails = nil, errAway
	b.revoke(t, key, `{"user_id":"ada"}`, 503, "")
	expectRecords(t, []audit.Record{revocationOf(key, "ada", "", ada, false, map[string]string{})}, a.noted)

	b.revoke(t, "fork", `{"user_id":"ada"}`, 403, "")
	b.revoke(t, "old", `{"user_id":"ada"}`, 401, "")
	app := audit.Entity{ID: "3", Type: "app"}
	expectRecords(t, []audit.Record{
		revocationOf("fork", "", "", app, false, map[string]string{"reason": auth.CauseRights}),
		revocationOf("old", "", "", app, false, map[string]string{"reason": auth.CauseRevoked}),
	}, a.refused)

	r.fails, a.away = nil, errors.New("the database of s3cret is away")
	b.revoke(t, key, `{"user_id":"ada"}`, 503, "audit: the call could not be recorded, so nothing was done; try again\n")
	r.expect(t)
}
