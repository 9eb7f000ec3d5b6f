package authorize_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"buildrelay/relay/authorize"
	"buildrelay/relay/relaytest"
)

const (
	may    = "may"
	mayNot = "may not"
	busy   = "busy" // it is to be asked again
	no503  = "undecided"
)

// outcome is what becomes of a token.
func (b *believing) outcome(t *testing.T, token string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	_, err := b.Decide(ctx, bearing(token))
	switch {
	case ctx.Err() != nil:
		return "too late"
	case err == nil:
		return may
	case errors.Is(err, authorize.ErrDenied):
		return mayNot
	case strings.Contains(err.Error(), "was asked just now"):
		return busy
	default:
		return no503
	}
}

// An issuer that is away lets nobody in of whose key nothing is known, and is asked again; known
// keys are good for an hour.
func TestAnIssuerThatIsAwayIsAskedAgain(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	good, unknown := f.token("exp", noon().Unix()+36000), f.sign(`{"alg":"RS256","kid":"new"}`, f.claims(), f.rsa)
	for i, step := range []struct {
		at    time.Duration // since noon
		down  bool
		token string
		want  string
		asked int32 // for keys, by then
	}{
		{0, true, good, no503, 0},
		{time.Second, false, good, no503, 0},
		{5 * time.Second, false, good, may, 1},
		{6 * time.Second, false, unknown, busy, 1},
		{10 * time.Second, false, unknown, mayNot, 2},
		{15 * time.Second, true, unknown, no503, 2},
		{16 * time.Second, true, good, may, 2},
		{5*time.Minute + 9*time.Second, true, good, may, 2},
		{5*time.Minute + 10*time.Second, true, good, may, 2},
		{time.Hour + 9*time.Second, true, good, may, 2},
		{time.Hour + 10*time.Second, true, good, no503, 2},
		{time.Hour + 13*time.Second, false, good, no503, 2},
		{time.Hour + 14*time.Second, false, good, may, 3},
	} {
		b.later = step.at
		f.down.Store(step.down)
		if got := b.outcome(t, step.token); got != step.want || f.asked.Load() != step.asked {
			t.Errorf("step %d, at %s: %s, asked %d times; want %s, %d", i, step.at, got, f.asked.Load(), step.want, step.asked)
		}
	}
	if n := strings.Count(b.log.String(), "the issuer's keys cannot be renewed"); n != 1 {
		t.Errorf("told %d times that keys are old:\n%s", n, b.log)
	}
}

// A key that the issuer does not show any more is good for five minutes at the most.
func TestAKeyThatIsWithdrawnIsGoodForAFewMinutes(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	token := f.token()
	first := b.outcome(t, token)
	f.shows(jose.JSONWebKey{KeyID: "ec", Key: f.ec.Public()})
	b.later = 5*time.Minute - time.Second
	before := b.outcome(t, token)
	b.later = 5 * time.Minute
	if after := b.outcome(t, token); first != may || before != may || after != mayNot {
		t.Errorf("%s, %s, and after five minutes %s", first, before, after)
	}
}

// Whatever keys clients name, and however many they are, the issuer is asked now and then.
func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	var all sync.WaitGroup
	for i := range 200 {
		token := f.token()
		if i%2 == 0 {
			token = f.sign(object("alg", "EdDSA", "kid", rand.Text()), f.claims(), f.ed)
		}
		all.Go(func() {
			if _, err := b.Decide(t.Context(), bearing(token)); i%2 == 1 && err != nil {
				t.Errorf("a good token among them: %v", err)
			}
		})
	}
	all.Wait()
	if n := f.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// Whose key is known does not wait for an issuer that is slow; the others give up in time.
func TestASlowIssuerHoldsUpThoseWhoseKeyIsNotKnown(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	arrived, letGo := make(chan struct{}, 10), make(chan struct{})
	var slow atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slow.Load() {
			arrived <- struct{}{}
			select {
			case <-letGo:
			case <-r.Context().Done():
			}
		}
		f.serve(w, r)
	}))
	t.Cleanup(server.Close)
	f.says(server.URL, server.URL+"/keys")
	b := newBelieving(t, server.URL, "relay", "repositories={owner}/{repo}")
	good := f.token("iss", server.URL)
	if got := b.outcome(t, good); got != may {
		t.Fatalf("a good token: %s", got)
	}
	slow.Store(true)
	b.later = 10 * time.Minute
	ctx, giveUp := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			token := f.sign(`{"alg":"EdDSA","kid":"new"}`, f.claims(), f.ed)
			if _, err := b.Decide(ctx, bearing(token)); err == nil || errors.Is(err, authorize.ErrDenied) {
				t.Errorf("an unknown key: %v", err)
			}
		})
	}
	<-arrived
	if got := b.outcome(t, good); got != may {
		t.Errorf("a known key, while the issuer is asked: %s", got)
	}
	giveUp()
	all.Wait()
	close(letGo)
}

// Whoever answers, and how, if it is not the issuer with its keys there are none.
func TestAnIssuerThatSaysAnythingElseHasNoKeys(t *testing.T) {
	t.Parallel()
	attacker, asked := attackers(t)
	f := newForge(t)
	own := f.server.URL
	keys := f.keys
	for name, says := range map[string][3]string{ // the third is what is logged of it
		"another issuer":          {object("issuer", "https://evil.example.net", "jwks_uri", own+"/keys"), keys, "calls itself"},
		"a slash more":            {object("issuer", own+"/", "jwks_uri", own+"/keys"), keys, "calls itself"},
		"no issuer":               {object("jwks_uri", own+"/keys"), keys, ""},
		"two issuers":             {`{"issuer":"x","issuer":"` + own + `","jwks_uri":"` + own + `/keys"}`, keys, "not the JSON"},
		"another case":            {object("Issuer", own, "jwks_uri", own+"/keys"), keys, ""},
		"no address":              {object("issuer", own), keys, ""},
		"a part of an address":    {object("issuer", own, "jwks_uri", "/keys"), keys, "is no address"},
		"keys without TLS":        {object("issuer", own, "jwks_uri", "http://keys.example.com/"), keys, "does not begin with https"},
		"keys in a file":          {object("issuer", own, "jwks_uri", "file:///etc/passwd"), keys, "is no address"},
		"keys with a password":    {object("issuer", own, "jwks_uri", strings.Replace(attacker, "://", "://u:p@", 1)), keys, "is no address"},
		"a list":                  {"[]", keys, ""},
		"a page":                  {"<!DOCTYPE html>", keys, ""},
		"nothing":                 {"", keys, ""},
		"too much":                {object("issuer", own, "jwks_uri", own+"/keys", "x", strings.Repeat("x", 256<<10)), keys, "more than 262144 bytes"},
		"no keys":                 {f.about, `{"keys":[]}`, "no key that signs"},
		"keys that are none":      {f.about, `{"keys":[1,"x",null,{}]}`, ""},
		"a key alone":             {f.about, `{"kty":"RSA"}`, ""},
		"a page for keys":         {f.about, "<html>", ""},
		"too many keys":           {f.about, `{"keys":[` + strings.Repeat("{},", 100) + `{}]}`, "more than 100 keys"},
		"too much of keys":        {f.about, keys + strings.Repeat(" ", 256<<10), ""},
		"keys at an unknown path": {object("issuer", own, "jwks_uri", own+"/other"), keys, "status 404"},
	} {
		f.set(says[0], says[1])
		b := newBelieving(t, own, "relay", "repositories={owner}/{repo}")
		if got := b.outcome(t, f.token()); got != no503 || !strings.Contains(b.log.String(), "nobody decides who may watch") || !strings.Contains(b.log.String(), says[2]) {
			t.Errorf("%s: %s, logged %s, want %s", name, got, b.log, says[2])
		}
	}
	if asked.Load() > 0 {
		t.Error("an address with a password was asked")
	}
}

func TestARedirectIsNoIssuer(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, f.server.URL+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(server.Close)
	f.says(server.URL, f.server.URL+"/keys")
	b := newBelieving(t, server.URL, "relay", "repositories={owner}/{repo}")
	if got := b.outcome(t, f.token("iss", server.URL)); got != no503 || f.asked.Load() > 0 {
		t.Errorf("%s, asked %d times", got, f.asked.Load())
	}
}

// Of what an issuer shows counts what signs tokens, and is strong enough; the rest does no harm.
func TestOnlyKeysThatSignTokensCount(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := newForge(t)
	secret := []byte("secret-that-everybody-can-read-here")
	f.shows(
		jose.JSONWebKey{KeyID: "weak", Key: weak.Public()}, jose.JSONWebKey{KeyID: "enc", Key: f.rsa.Public(), Use: "enc"},
		jose.JSONWebKey{KeyID: "oct", Key: secret}, jose.JSONWebKey{KeyID: "private", Key: f.ec},
		jose.JSONWebKey{KeyID: "p384", Key: p384.Public()}, jose.JSONWebKey{KeyID: "ed", Key: f.ed.Public()},
	)
	b := newBelieving(t, f.server.URL, "relay", "repositories={owner}/{repo}")
	for name, tt := range map[string]struct{ token, want string }{
		"a good one":                  {f.sign(`{"alg":"EdDSA","kid":"ed"}`, f.claims(), f.ed), may},
		"1024 bits":                   {f.sign(`{"alg":"RS256","kid":"weak"}`, f.claims(), weak), mayNot},
		"one for encryption":          {f.sign(`{"alg":"RS256","kid":"enc"}`, f.claims(), f.rsa), mayNot},
		"a secret":                    {f.sign(`{"alg":"HS256","kid":"oct"}`, f.claims(), secret), mayNot},
		"a private one that is shown": {f.sign(`{"alg":"ES256","kid":"private"}`, f.claims(), f.ec), mayNot},
		"another curve":               {f.sign(`{"alg":"ES256","kid":"p384"}`, f.claims(), f.ec), mayNot},
	} {
		if got := b.outcome(t, tt.token); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestKeysComeByTLSButForAnIssuerOnThisMachine(t *testing.T) {
	t.Parallel()
	const here, there = "http://127.0.0.1:8080", "https://login.example.com"
	for _, tt := range []struct {
		issuer, keys string
		good         bool
	}{
		{there, "https://keys.example.net/jwks?v=1", true},
		{there, "https://127.0.0.1/jwks", true},
		{here, "http://localhost/jwks", true},
		{here, "https://keys.example.net/jwks", true},
		{there, "http://127.0.0.1/jwks", false},
		{there, "http://login.example.com/jwks", false},
		{here, "http://keys.example.net/jwks", false},
		{here, "gopher://127.0.0.1/jwks", false},
		{there, "", false},
		{there, "//login.example.com/jwks", false},
	} {
		if _, err := authorize.KeysAddress(tt.issuer, tt.keys); (err == nil) != tt.good {
			t.Errorf("of %s at %s: %v", tt.issuer, tt.keys, err)
		}
	}
}
