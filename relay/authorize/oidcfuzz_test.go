package authorize_test

import (
	"strings"
	"testing"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

// Whatever somebody shows for a token, nobody gets in but by one that the issuer has signed: the
// parts of a good one, however they are put together, are not enough.
func FuzzATokenIsTheIssuersOrNone(f *testing.F) {
	forge := newForge(f)
	good := forge.token()
	for _, token := range []string{
		good, forge.sign(`{"alg":"none"}`, forge.claims(), nil), forge.sign(`{"alg":"HS256","kid":"rsa"}`, forge.claims(), []byte("x")),
		forge.sign(`{"alg":"ES256","kid":"ec"}`, forge.claims("sub", "eve"), rsaKeys()[1]), good + "=", "a.b.c", "....", strings.Replace(good, ".", "..", 1),
	} {
		f.Add(token)
	}
	b := newBelieving(f, forge.server.URL, "relay", "repositories={owner}/{repo}")
	f.Fuzz(func(t *testing.T, token string) {
		answer, err := b.Decide(t.Context(), bearing(token))
		if signed, _, _ := cutLast(good); err == nil && !strings.HasPrefix(token, signed+".") || err != nil && answer.Member != nil {
			t.Errorf("%q: %s, %v", token, who(answer), err)
		}
		if leaks(b.log.String(), token) {
			t.Errorf("%q is logged", token)
		}
		b.log.Reset()
	})
}

// cutLast splits a token in front of its signature.
func cutLast(token string) (signed, signature string, ok bool) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return token, "", false
	}
	return token[:i], token[i+1:], true
}

// Whatever the issuer signs is judged without harm, and whoever gets in is somebody, of this
// issuer, for us.
func FuzzClaimsSayWhoItIs(f *testing.F) {
	forge := newForge(f)
	for _, claims := range []string{
		forge.claims(), forge.claims("aud", []string{"relay", "x"}, "azp", "relay"), forge.claims("exp", 1e300), forge.claims("sub", nil), "{}", "[]", `{"iss":1}`,
		strings.Replace(forge.claims(), "{", `{"iss":"x",`, 1), forge.claims("name", "\u2028", "repositories", []any{"*", nil}),
	} {
		f.Add(claims)
	}
	b := newBelieving(f, forge.server.URL, "relay", "repositories~={owner}/{repo}")
	f.Fuzz(func(t *testing.T, claims string) {
		answer, err := b.Decide(t.Context(), bearing(forge.sign(`{"alg":"EdDSA","kid":"ed"}`, claims, forge.ed)))
		b.log.Reset()
		if err != nil {
			return
		}
		if m := answer.Member; m == nil || !protocol.IsUserID(m.ID) || m.Info != "" && m.Info[0] != '{' || answer.Until.Before(noon().Add(-time.Minute)) {
			t.Errorf("%s: %s until %s", claims, who(answer), answer.Until)
		}
		for _, name := range []string{"iss", "aud", "exp", "sub", "repositories"} {
			if !strings.Contains(claims, `"`+name+`"`) && !strings.Contains(claims, `\u`) {
				t.Errorf("%s without %s lets %s in", claims, name, who(answer))
			}
		}
	})
}

// Two channels of different fields never ask for the same of a token.
func FuzzClaimsTellFieldsApart(f *testing.F) {
	f.Add("x={owner}/{repo}", "private-b-{owner};{repo}", "a", "b", "c", "d")
	f.Add("x={owner}-{repo}", "private-b-{owner}-{repo}", "a-b", "c", "a", "b-c")
	f.Add("x~={owner}/{repo}", "private-b-{owner};{repo}", "a", "*", "c", "d")
	f.Add("x=a{owner};{repo}a y={channel}", "private-b-{owner};{repo}", "a", "b;", "c", "d")
	f.Fuzz(func(t *testing.T, text, pattern, owner, repo, otherOwner, otherRepo string) {
		all, err := authorize.ParsePatterns(pattern)
		if err != nil || len(all) != 1 {
			return
		}
		claims, err := authorize.ParseClaims(text, all)
		if err != nil || len(claims) != 1 || strings.Count(text, "{owner}") != 1 || strings.Count(text, "{repo}") != 1 {
			return
		}
		value := func(owner, repo string) (string, bool) {
			name := strings.NewReplacer("{owner}", owner, "{repo}", repo).Replace(pattern)
			if strings.Contains(name, "{") {
				return "", false
			}
			fields, ok := all[0].Carve(name)
			if !ok || protocol.CheckChannel(name, len(name)) != nil || fields["owner"] != owner || fields["repo"] != repo {
				return "", false
			}
			return claims.Value(0, authorize.Question{Channel: name, Fields: fields}), true
		}
		one, ok := value(owner, repo)
		other, too := value(otherOwner, otherRepo)
		if ok && too && one == other && (owner != otherOwner || repo != otherRepo) {
			t.Errorf("%s of %s is %q for %s, %s and for %s, %s", text, pattern, one, owner, repo, otherOwner, otherRepo)
		}
	})
}
