package authorize_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

const builds = "private-build-{owner};{repo};{build}"

// noon is when the tests of forged tokens happen.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// rsaKeys are made once: that takes a while.
var rsaKeys = sync.OnceValue(func() (keys [2]*rsa.PrivateKey) {
	for i := range keys {
		keys[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return keys
})

// forge is an issuer that signs whatever a test wants, and shows whatever keys.
type forge struct {
	t      testing.TB
	server *httptest.Server
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey

	asked atomic.Int32 // for its keys
	down  atomic.Bool
	mu    sync.Mutex
	about string // what it says of itself
	keys  string // the JWKS
}

func newForge(t testing.TB) *forge {
	t.Helper()
	f := &forge{t: t, rsa: rsaKeys()[0]}
	var err error
	if f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, f.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	f.says(f.server.URL, f.server.URL+"/keys")
	f.shows(jose.JSONWebKey{KeyID: "rsa", Key: f.rsa.Public(), Use: "sig"}, jose.JSONWebKey{KeyID: "ec", Key: f.ec.Public()},
		jose.JSONWebKey{KeyID: "ed", Key: f.ed.Public()}, jose.JSONWebKey{KeyID: "rs256", Key: f.rsa.Public(), Algorithm: "RS256"})
	return f
}

func (f *forge) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	about, keys := f.about, f.keys
	f.mu.Unlock()
	switch {
	case f.down.Load():
		w.WriteHeader(http.StatusInternalServerError)
	case r.URL.Path == "/.well-known/openid-configuration":
		_, _ = io.WriteString(w, about)
	case r.URL.Path == "/keys":
		f.asked.Add(1)
		_, _ = io.WriteString(w, keys)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *forge) set(about, keys string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.about, f.keys = about, keys
}

func (f *forge) says(issuer, keys string) { f.set(object("issuer", issuer, "jwks_uri", keys), f.keys) }

func (f *forge) shows(keys ...jose.JSONWebKey) {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		f.t.Fatal(err)
	}
	f.set(f.about, string(text))
}

// object is a JSON object of name, value, name, value; nil leaves a name out.
func object(pairs ...any) string {
	all := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, _ := pairs[i].(string); pairs[i+1] == nil {
			delete(all, name)
		} else {
			all[name] = pairs[i+1]
		}
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// claims are good ones, but for those that are changed, as name, value, name, value.
func (f *forge) claims(change ...any) string {
	return object(append([]any{
		"iss", f.server.URL, "aud", "relay", "sub", "ada", "name", "Ada", "repositories",
		[]string{"acme/site"},
		"iat", noon().Unix() - 60, "exp", noon().Unix() + 3600,
	}, change...)...)
}

// token is one of the issuer's, signed by its RSA key.
func (f *forge) token(change ...any) string {
	return f.sign(`{"alg":"RS256","kid":"rsa"}`, f.claims(change...), f.rsa)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// sign makes a token of a header and claims as they are, signed in the way of the key: a []byte is
// a secret, nil is none.
func (f *forge) sign(header, claims string, key any) string {
	input := encode(header) + "." + encode(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature(input, key))
}

func signature(input string, key any) (signed []byte) {
	digest := sha256.Sum256([]byte(input))
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		signed, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, failed := ecdsa.Sign(rand.Reader, k, digest[:])
		if err = failed; err == nil {
			signed = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		signed = ed25519.Sign(k, []byte(input))
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(input))
		signed = mac.Sum(nil)
	}
	if err != nil {
		panic(err) // none of these keys fails
	}
	return signed
}

// believing is a decider by the tokens of an issuer, and what it logs. Whatever time it is to
// others, to it it is noon, plus what later says.
type believing struct {
	*authorize.OIDC
	log   *bytes.Buffer
	later time.Duration
}

// newBelieving asks for the claims as RELAY_AUTH_CLAIMS has them.
func newBelieving(t testing.TB, issuer, audience, claims string) *believing {
	t.Helper()
	parsed, err := authorize.ParseClaims(claims, patterns(t, builds))
	if err != nil {
		t.Fatal(err)
	}
	b := &believing{log: &bytes.Buffer{}}
	m := metrics.New(prometheus.NewRegistry())
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b.OIDC, err = authorize.NewOIDC(authorize.Tokens{
		Issuer: issuer, Audience: audience, Claims: parsed, UserClaim: "sub", Cookie: "__Host-token", Skew: time.Minute,
	}, func() *x509.CertPool { return nil }, m.Authorizations, log)
	if err != nil {
		t.Fatal(err)
	}
	b.SetNow(func() time.Time { return noon().Add(b.later) })
	return b
}

func patterns(t testing.TB, text string) authorize.Patterns {
	t.Helper()
	all, err := authorize.ParsePatterns(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bearing is a question by somebody who shows a token.
func bearing(token string) authorize.Question {
	q := secretive()
	q.Cookie, q.Authorization = "", auth.Secret("Bearer "+token)
	return q
}

// leaks says whether a log shows any part of a token.
func leaks(log, token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 20 && strings.Contains(log, part[:20]) {
			return true
		}
	}
	return false
}

// who is a member, for messages.
func who(a authorize.Answer) string {
	if a.Member == nil {
		return "nobody"
	}
	return fmt.Sprintf("%s %s", a.Member.ID, a.Member.Info)
}
