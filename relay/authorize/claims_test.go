package authorize_test

import (
	"errors"
	"strings"
	"testing"

	"buildrelay/relay/authorize"
)

func TestClaimsAreOfFieldsThatAllPatternsHave(t *testing.T) {
	t.Parallel()
	const presence = builds + " presence-build-{owner};{repo};{build}"
	for _, tt := range []struct{ patterns, claims, want string }{ // want is in the error; "" for none
		{builds, "repositories={owner}/{repo}", ""},
		{presence, "repositories={owner}/{repo} amr=mfa", ""},
		{builds, "https://ci.example.com/repos={owner}/{repo}", ""},
		{builds, "groups=ci", ""},
		{builds, "channels={channel}", ""},
		{builds, "x={owner};{repo}", ""},
		{builds, "x={owner}-;-{repo}", ""},
		{builds, "x={owner}:é:{repo}=", ""},
		{builds, "x=a={owner}", ""},
		{builds, "x={channel}/{owner}", ""},
		{"private-list", "groups=ci", ""},
		{builds, "", ""},
		{builds, "repositories", "must be a claim's name, = and a value"},
		{builds, "={owner}", "must be a claim's name"},
		{builds, "repositories=", "must be a claim's name"},
		{builds, "x={owner", "is not closed"},
		{builds, "x={}", "no field's name"},
		{builds, "x={Owner}", "no field's name"},
		{builds, "repositories~={owner}/{repo}", ""},
		{builds, "x~=a=~{owner}", ""},
		{builds, "~={owner}", "must be a claim's name"},
		{builds, "x~=", "must be a claim's name"},
		{builds, "x={owner}/*", "a * stands for anything in a token alone"},
		{builds, "x~={owner}/*", "a * stands for anything in a token alone"},
		{builds, "x={branch}", "{branch} is no field of " + builds},
		{builds + " private-list", "x={owner}", "{owner} is no field of private-list"},
		{"private-list", "x={owner}", "{owner} is no field of private-list"},
		{"private-{channel}", "x={channel}", "is the whole name here"},
		{builds, "x={owner}{repo}", "between {owner} and {repo} must stand a character"},
		{builds, "x={owner}-{repo}", "between {owner} and {repo}"},
		{builds, "x={owner}.x.{repo}", "between {owner} and {repo}"},
		{builds, "x=a/{owner}-{repo}/b", "between {owner} and {repo}"},
		{builds, "x={channel};{owner}", "between {channel} and {owner}"},
		{builds, "ok=1 x={owner}-{repo}", `"x={owner}-{repo}"`},
		{"private-build-{owner}-{repo}", "x={owner}-{repo}", ""},
		{"private-build-{owner}-{repo} private-log-{owner};{repo}", "x={owner}-{repo}", "in private-log-{owner};{repo}"},
	} {
		_, err := authorize.ParseClaims(tt.claims, patterns(t, tt.patterns))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %s: %v, want %q", tt.claims, tt.patterns, err, tt.want)
		}
	}
}

// What a token says counts for those channels that it names, and for no other. A * in it is one like
// any other character, unless the setting lets it stand for anything: somebody may be called so.
func TestAClaimIsTheValueOrHasIt(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, tt := range []struct {
		claims string
		said   []any // by the token, as name and value
		yes    bool
	}{
		{"repositories={owner}/{repo}", []any{"repositories", "acme/site"}, true},
		{"repositories={owner}/{repo}", []any{"repositories", []string{"x/y", "acme/site"}}, true},
		{"repositories~={owner}/{repo}", []any{"repositories", "acme/*"}, true},
		{"repositories~={owner}/{repo}", []any{"repositories", []string{"x/y", "acme/si*"}}, true},
		{"repositories~={owner}/{repo}", []any{"repositories", "*"}, true},
		{"repositories~={owner}/{repo}", []any{"repositories", "acme/site*"}, true},
		{"repositories~={owner}/{repo}", []any{"repositories", "acme/site/*"}, false},
		{"repositories~={owner}/{repo}", []any{"repositories", "acm/*"}, false},
		{"repositories~={owner}/{repo}", []any{"repositories", "**"}, false},
		{"repositories~={owner}/{repo}", []any{"repositories", "acme/site"}, true},
		{"repositories={owner}/{repo}", []any{"repositories", "acme/*"}, false},
		{"repositories={owner}/{repo}", []any{"repositories", []string{"*", "acme/site*"}}, false},
		{"preferred_username={owner}", []any{"preferred_username", "*"}, false},
		{"preferred_username={owner}", []any{"preferred_username", "ac*"}, false},
		{"preferred_username={owner}", []any{"preferred_username", "acme"}, true},
		{"org={owner} amr=mfa", []any{"org", "acme", "amr", []string{"pwd", "mfa"}}, true},
		{"org={owner} amr=mfa", []any{"org", "acme", "amr", []string{"pwd"}}, false},
		{"org={owner} amr=mfa", []any{"org", "acme"}, false},
		{"org={owner} amr=mfa", []any{"org", "other", "amr", "mfa"}, false},
		{"channels={channel}", []any{"channels", []string{build}}, true},
		{"channels~={channel}", []any{"channels", []string{"private-build-acme;*"}}, true},
		{"channels~={channel}", []any{"channels", []string{"presence-*"}}, false},
		{"https://ci.example.com/builds={owner}/{repo}/{build}", []any{"https://ci.example.com/builds", "acme/site/7"}, true},
		{"https://ci.example.com/builds={owner}/{repo}/{build}", []any{"https://ci.example.com/builds", "acme/site/77"}, false},
	} {
		b := newBelieving(t, f.server.URL, "relay", tt.claims)
		_, err := b.Decide(t.Context(), bearing(f.token(tt.said...)))
		if (err == nil) != tt.yes || err != nil && !errors.Is(err, authorize.ErrDenied) {
			t.Errorf("%s of a token with %v: %v", tt.claims, tt.said, err)
		}
	}
}

// Who signs in has no channel yet: what is asked for whatever the channel counts, and no more.
func TestWhoSignsInMustHaveTheClaimsWithoutFields(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "amr=mfa repositories={owner}/{repo} channels={channel}")
	for _, tt := range []struct {
		said []any
		yes  bool
	}{
		{[]any{"amr", "mfa", "repositories", nil}, true},
		{[]any{"amr", "pwd"}, false},
		{nil, false},
	} {
		q := bearing(f.token(tt.said...))
		q.Channel, q.Pattern, q.Fields = "", "", nil
		answer, err := b.Decide(t.Context(), q)
		if (err == nil) != tt.yes || tt.yes && who(answer) != `ada {"name":"Ada"}` {
			t.Errorf("with %v: %s, %v", tt.said, who(answer), err)
		}
	}
}
