package authorize_test

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
)

// users are those of a real issuer.
func users() map[string]map[string]any {
	return map[string]map[string]any{
		"ada": {"name": "Ada", "repositories": []string{"acme/*", "other/site"}},
		"eve": {"name": "Eve", "repositories": []string{"other/*"}},
	}
}

// newRealBelieving believes the tokens of a real issuer, by the clock on the wall, and by certs
// where those are not nil.
func newRealBelieving(t *testing.T, issuer *relaytest.Issuer, audience string, certs *relaytest.Certs) *authorize.OIDC {
	t.Helper()
	claims, err := authorize.ParseClaims("repositories~={owner}/{repo}", patterns(t, builds))
	if err != nil {
		t.Fatal(err)
	}
	roots := func() *x509.CertPool { return nil }
	if certs != nil {
		roots = func() *x509.CertPool { return certs.Pool }
	}
	o, err := authorize.NewOIDC(authorize.Tokens{
		Issuer: issuer.URL, Audience: audience, Claims: claims, UserClaim: "sub", Skew: time.Minute,
	}, roots, metrics.New(prometheus.NewRegistry()).Authorizations, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestTokensOfARealIssuerDecide(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	issuer := relaytest.StartIssuer(t, users(), certs)
	ada, eve := issuer.Login("ada"), issuer.Login("eve")
	byID := newRealBelieving(t, issuer, relaytest.IssuerClient, certs)
	byAccess := newRealBelieving(t, issuer, relaytest.IssuerResource, certs)
	for _, tt := range []struct {
		name    string
		decider *authorize.OIDC
		token   string
		want    string // the member; "" where it may not
	}{
		{"ada's ID token", byID, ada.ID, `ada {"name":"Ada"}`},
		{"ada's access token", byAccess, ada.Access, `ada {"name":"Ada"}`},
		{"eve's ID token", byID, eve.ID, ""},
		{"eve's access token", byAccess, eve.Access, ""},
		{"a token for another", byID, ada.Access, ""},
		{"the other way round", byAccess, ada.ID, ""},
	} {
		answer, err := tt.decider.Decide(t.Context(), bearing(tt.token))
		if tt.want == "" && !errors.Is(err, authorize.ErrDenied) || tt.want != "" && (err != nil || who(answer) != tt.want || answer.Until.Before(time.Now())) {
			t.Errorf("%s: %s, %v", tt.name, who(answer), err)
		}
	}
	stranger := newRealBelieving(t, issuer, relaytest.IssuerClient, relaytest.NewCerts(t))
	if _, err := stranger.Decide(t.Context(), bearing(ada.ID)); err == nil || errors.Is(err, authorize.ErrDenied) {
		t.Errorf("an issuer by a certificate of somebody else: %v", err)
	}
}

// A real issuer signs with a new key: that is asked for, and the old one is good as long as it is
// shown.
func TestTheKeysOfARealIssuerMayChange(t *testing.T) {
	t.Parallel()
	issuer := relaytest.StartIssuer(t, users(), nil)
	o := newRealBelieving(t, issuer, relaytest.IssuerClient, nil)
	var later time.Duration
	o.SetNow(func() time.Time { return time.Now().Add(later) })
	expect := func(name, token string, yes bool) {
		t.Helper()
		if _, err := o.Decide(t.Context(), bearing(token)); (err == nil) != yes || !yes && !errors.Is(err, authorize.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	first := issuer.Login("ada").ID
	expect("the first key", first, true)
	issuer.Rotate(true)
	second := issuer.Login("ada").ID
	later = 10 * time.Second
	expect("a new key", second, true)
	expect("the key before", first, true)
	issuer.Rotate(false)
	third := issuer.Login("ada").ID
	later = 20 * time.Second
	expect("the only key", third, true)
	later = 30 * time.Second
	expect("one that was withdrawn", second, false)
	later = 40 * time.Second
	expect("the first, which is not shown any more", first, false)
}

func TestGoodTokensLetTheirOwnersIn(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	now := noon().Unix()
	for name, token := range map[string]string{
		"RSA":                    f.token(),
		"an elliptic curve":      f.sign(`{"alg":"ES256","kid":"ec"}`, f.claims(), f.ec),
		"an Edwards curve":       f.sign(`{"alg":"EdDSA","kid":"ed"}`, f.claims(), f.ed),
		"the only key of a kind": f.sign(`{"alg":"EdDSA"}`, f.claims(), f.ed),
		"typ":                    f.sign(`{"alg":"RS256","kid":"rsa","typ":"JWT"}`, f.claims(), f.rsa),
		"typ of access tokens":   f.sign(`{"alg":"RS256","kid":"rsa","typ":"application/at+jwt"}`, f.claims(), f.rsa),
		"keys elsewhere":         f.sign(`{"alg":"RS256","kid":"rsa","jku":"http://127.0.0.1:1/"}`, f.claims(), f.rsa),
		"a list of one aud":      f.token("aud", []string{"relay"}, "azp", "page"),
		"several aud":            f.token("aud", []string{"other", "relay"}, "azp", "relay"),
		"expired within skew":    f.token("exp", now-60),
		"not yet within skew":    f.token("nbf", now+60, "iat", now+60),
		"no iat":                 f.token("iat", nil),
		"a fraction of a second": f.token("exp", float64(now)+1.5),
	} {
		if answer, err := b.Decide(t.Context(), bearing(token)); err != nil || who(answer) != `ada {"name":"Ada"}` {
			t.Errorf("%s: %s, %v", name, who(answer), err)
		}
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512} {
		if _, err := b.Decide(t.Context(), bearing(signedBy(t, f, algorithm, "rsa"))); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	if b.log.Len() > 0 {
		t.Errorf("logged %s", b.log)
	}
}

// Who it is for others to see: an id, and a name where there is one.
func TestATokenSaysWhoItIs(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	for want, change := range map[string][]any{
		`ada {"name":"Ada"}`:         nil,
		`ada `:                       {"name", nil},
		`bob `:                       {"sub", "bob", "name", map[string]any{"first": "Bob"}},
		`eve `:                       {"sub", "eve", "name", strings.Repeat("e", 300)},
		`<b> {"name":"</script>\""}`: {"sub", "<b>", "name", `</script>"`},
	} {
		answer, err := b.Decide(t.Context(), bearing(f.token(change...)))
		if got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(who(answer)); err != nil || got != want {
			t.Errorf("%s: %s, %v", want, got, err)
		}
	}
}

func TestATokenIsTakenFromAuthorizationAndElseFromItsCookie(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	good, other := f.token(), f.token("repositories", "other/site")
	for _, tt := range []struct {
		authorization, cookie string
		want                  string // in the error; "" for none
	}{
		{"Bearer " + good, "", ""},
		{"bearer " + good, "__Host-token=" + other, ""},
		{"", "a=b; __Host-token=" + good + "; c={\"d\":1}", ""},
		{"Basic dXNlcjpwYXNz", "__Host-token=" + good, ""},
		{"Bearer " + other, "__Host-token=" + good, "may not"},
		{"Bearer ", "__Host-token=" + good, "may not"},
		{"Bearer", "__Host-token=" + good, "may not"},
		{"Bearer  " + good, "", "may not"},
		{"", "__Host-token=" + other, "may not"},
		{"", "__Host-token=" + good + "; __Host-token=" + other, "more than once"},
		{"", "__Host-token=" + good + "; __Host-token=" + good, "more than once"},
		{"", "token=" + good, "no token"},
		{"", "__host-token=" + good, "no token"},
		{"Basic " + good, "", "no token"},
		{good, "", "no token"},
		{"", "session=ada", "no token"},
	} {
		q := secretive()
		q.Authorization, q.Cookie = auth.Secret(tt.authorization), auth.Secret(tt.cookie)
		_, err := b.Decide(t.Context(), q)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) || err != nil && strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%.20q, %.40q: %v, want %q", tt.authorization, tt.cookie, err, tt.want)
		}
	}
}

// However long answers are believed, that of a token ends with it: then it is looked at again.
func TestAnAnswerIsNotBelievedLongerThanItsToken(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	m := metrics.New(prometheus.NewRegistry()).Authorizations
	c := &authorize.Cache{Next: b, Keep: time.Hour, Patience: time.Minute, Metrics: m, Now: func() time.Time { return noon().Add(b.later) }}
	q := bearing(f.token("exp", noon().Unix()+60))
	for _, step := range []struct {
		at    time.Duration
		yes   bool
		known float64 // how many answers were, by then
	}{
		{0, true, 0},
		{59 * time.Second, true, 1},
		{60 * time.Second, true, 1},
		{120 * time.Second, true, 1},
		{121 * time.Second, false, 1},
	} {
		b.later = step.at
		_, err := c.Decide(t.Context(), q)
		if known := testutil.ToFloat64(m.AuthorizationsCached); (err == nil) != step.yes || known != step.known {
			t.Errorf("after %s: %v, %v answers were known; want %v, %v", step.at, err, known, step.yes, step.known)
		}
	}
}

func TestAnIssuerThatCannotBeOneIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "login.example.com", "/realm", "ftp://login.example.com", "https://", "https://u:s3cret@login.example.com", "https://login.example.com/#a",
		"https://login.example.com/?s3cret", "https://login.example.com?", "http://login.example.com", "http://127.0.0.1.example.com", "http://[::1",
	} {
		_, err := authorize.NewOIDC(authorize.Tokens{Issuer: address}, nil, metrics.Authorizations{}, nil)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"https://login.example.com", "https://login.example.com/realms/ci", "http://localhost:8080", "http://[::1]:8080/"} {
		if _, err := authorize.NewOIDC(authorize.Tokens{Issuer: address}, nil, metrics.Authorizations{}, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
