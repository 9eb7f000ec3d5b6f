package authorize_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

const header = `{"alg":"RS256","kid":"rsa"}`

// Whatever is no token of the issuer's, for us, of now, by whom the channel is, is refused, and
// nobody whom a token names is asked.
func TestATokenThatIsNotGoodLetsNobodyIn(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	attacker, asked := attackers(t)
	rows := map[string]string{}
	for _, more := range []map[string]string{forgedSignatures(t, f), forgedKeys(t, f, attacker), forgedForms(f), forgedHeaders(f), forgedIssuers(f), forgedTimes(f), forgedClaims(f), forgedUsers(f), forgedNames(f)} {
		for name := range more {
			if rows[name] != "" {
				t.Errorf("%q is there twice", name)
			}
		}
		maps.Copy(rows, more)
	}
	b := newBelieving(t, f.server.URL, "relay", "repositories~={owner}/{repo}")
	if answer, err := b.Decide(t.Context(), bearing(f.token())); err != nil || who(answer) != `ada {"name":"Ada"}` {
		t.Fatalf("a good token: %s, %v", who(answer), err)
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		b.log.Reset()
		answer, err := b.Decide(t.Context(), bearing(rows[name]))
		if !errors.Is(err, authorize.ErrDenied) || answer.Member != nil {
			t.Errorf("%s: %s, %v", name, who(answer), err)
		}
		if log := b.log.String(); leaks(log, rows[name]) || strings.Contains(log, "level=WARN") || !strings.Contains(log, "a token is refused") {
			t.Errorf("%s: logged %s", name, log)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("whom tokens name was asked %d times", n)
	}
	if n := f.asked.Load(); n > 1 {
		t.Errorf("the issuer was asked %d times for its keys", n)
	}
}

// attackers is a server with keys that would do, were it asked.
func attackers(t *testing.T) (address string, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "rsa", Key: rsaKeys()[1].Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(keys)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

// forgedSignatures are tokens that anybody could make who knows what everybody may know.
func forgedSignatures(t *testing.T, f *forge) map[string]string {
	der, err := x509.MarshalPKIXPublicKey(f.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	good := f.token()
	input := good[:strings.LastIndexByte(good, '.')]
	other := f.token("repositories", "other/site")
	ec := encode(`{"alg":"ES256","kid":"ec"}`) + "." + encode(f.claims())
	raw := signature(ec, f.ec)
	asDER, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"alg none":                       encode(`{"alg":"none"}`) + "." + encode(f.claims()) + ".",
		"alg none, and a signature":      f.sign(`{"alg":"none","kid":"rsa"}`, f.claims(), f.rsa),
		"alg nOnE":                       encode(`{"alg":"nOnE"}`) + "." + encode(f.claims()) + ".AA",
		"no alg":                         f.sign(`{"kid":"rsa"}`, f.claims(), f.rsa),
		"HS256 by the public key as PEM": f.sign(`{"alg":"HS256","kid":"rsa"}`, f.claims(), text),
		"HS256 by the public key as DER": f.sign(`{"alg":"HS256","kid":"rsa"}`, f.claims(), der),
		"HS256 by the modulus":           f.sign(`{"alg":"HS256","kid":"rsa"}`, f.claims(), f.rsa.N.Bytes()),
		"HS256 by nothing":               f.sign(`{"alg":"HS256"}`, f.claims(), []byte{}),
		"RS256 by an HMAC":               f.sign(header, f.claims(), der),
		"no signature":                   input + ".",
		"a signature of another token":   input + other[strings.LastIndexByte(other, '.'):],
		"claims of another token":        good[:strings.IndexByte(good, '.')] + "." + encode(f.claims("sub", "root")) + good[strings.LastIndexByte(good, '.'):],
		"a changed signature":            input + "." + strings.Repeat("A", len(good)-len(input)-1),
		"ES256 of zeros":                 ec + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"ES256 in another form":          ec + "." + base64.RawURLEncoding.EncodeToString(asDER),
	}
}

// forgedKeys are tokens that say by which key they are, and where to find it.
func forgedKeys(t *testing.T, f *forge, attacker string) map[string]string {
	mine := rsaKeys()[1]
	jwk, err := json.Marshal(jose.JSONWebKey{KeyID: "rsa", Key: mine.Public()})
	if err != nil {
		t.Fatal(err)
	}
	by := func(format string, args ...any) string {
		return f.sign(fmt.Sprintf(`{"alg":"RS256",`+format+`}`, args...), f.claims(), mine)
	}
	rows := map[string]string{
		"a key of another issuer of the same kid":        by(`"kid":"rsa"`),
		"a key of another issuer":                        by(`"kid":"theirs"`),
		"a key in the token":                             by(`"jwk":%s`, jwk),
		"a key in the token by the issuer's kid":         by(`"kid":"rsa","jwk":%s`, jwk),
		"a private key in the token":                     by(`"kid":"rsa","jwk":{"kty":"oct","k":"AAAA"}`),
		"keys elsewhere":                                 by(`"kid":"rsa","jku":%q`, attacker),
		"keys elsewhere, of an unknown kid":              by(`"kid":"theirs","jku":%q`, attacker),
		"a certificate elsewhere":                        by(`"kid":"rsa","x5u":%q`, attacker),
		"a certificate in the token":                     by(`"kid":"rsa","x5c":["AAAA"]`),
		"no kid, while several keys could do":            f.sign(`{"alg":"RS256"}`, f.claims(), f.rsa),
		"an empty kid":                                   f.sign(`{"alg":"RS256","kid":""}`, f.claims(), f.rsa),
		"a kid that is a number":                         f.sign(`{"alg":"RS256","kid":1}`, f.claims(), f.rsa),
		"RS256 by the kid of an EC key":                  f.sign(`{"alg":"RS256","kid":"ec"}`, f.claims(), f.rsa),
		"ES256 by the kid of an RSA key":                 f.sign(`{"alg":"ES256","kid":"rsa"}`, f.claims(), f.ec),
		"ES384 by a key of P-256":                        es384(t, f),
		"PS256 by a key for RS256":                       signedBy(t, f, jose.PS256, "rs256"),
		"an issuer's key that is called as another's is": f.sign(`{"alg":"EdDSA","kid":"ec"}`, f.claims(), f.ed),
	}
	for _, kid := range []string{"../../../../dev/null", "' OR 1=1 --", "/etc/passwd\x00", strings.Repeat("k", 4000), "http://127.0.0.1/"} {
		rows["the kid "+kid] = f.sign(object("alg", "RS256", "kid", kid), f.claims(), mine)
	}
	return rows
}

// signedBy is a good signature of the issuer's RSA key, by an algorithm that may be none of its own.
func signedBy(t *testing.T, f *forge, algorithm jose.SignatureAlgorithm, keyID string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: f.rsa, KeyID: keyID}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(f.claims()))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// es384 is a good signature by another curve than the algorithm's, in its form.
func es384(t *testing.T, f *forge) string {
	input := encode(`{"alg":"ES384","kid":"ec"}`) + "." + encode(f.claims())
	digest := sha512.Sum384([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, f.ec, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)))
}

func forgedForms(f *forge) map[string]string {
	good := f.token()
	parts := strings.Split(good, ".")
	return map[string]string{
		"nothing":                    "",
		"a word":                     "token",
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + ".AAAA",
		"five parts, as a JWE has":   encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AAAA.AAAA.AAAA.AAAA",
		"five parts of a good one":   good + ".AAAA.AAAA",
		"an empty header":            "." + parts[1] + "." + parts[2],
		"no claims":                  parts[0] + ".." + parts[2],
		"a space in front":           " " + good,
		"a space behind":             good + " ",
		"a line end":                 good + "\n",
		"a line end inside":          good[:30] + "\n" + good[30:],
		"a tab inside":               good[:30] + "\t" + good[30:],
		"padding":                    good + "==",
		"other base64":               parts[0] + "." + base64.StdEncoding.EncodeToString([]byte(f.claims("sub", "a?>b~"))) + "." + parts[2],
		"two tokens":                 good + "," + good,
		"Bearer twice":               "Bearer " + good,
		"a JSON serialization":       object("protected", parts[0], "payload", parts[1], "signature", parts[2]),
		"a token in a token":         f.sign(header, good, f.rsa),
		"a token in a token, quoted": f.sign(header, `"`+good+`"`, f.rsa),
		"more than 8 KiB":            f.token("more", strings.Repeat("x", 8<<10)),
		"claims that are a list":     f.sign(header, "["+f.claims()+"]", f.rsa),
		"claims that are null":       f.sign(header, "null", f.rsa),
		"claims that are no JSON":    f.sign(header, "{", f.rsa),
		"claims, and more":           f.sign(header, f.claims()+"{}", f.rsa),
		"claims that are no UTF-8":   f.sign(header, strings.Replace(f.claims(), "Ada", "\xff", 1), f.rsa),
		"a header that is no JSON":   f.sign("RS256", f.claims(), f.rsa),
	}
}

func forgedHeaders(f *forge) map[string]string {
	with := func(more string) string { return f.sign(`{"alg":"RS256","kid":"rsa",`+more+`}`, f.claims(), f.rsa) }
	return map[string]string{
		"crit that nobody knows":      with(`"crit":["exp"],"exp":1`),
		"crit of b64":                 with(`"crit":["b64"],"b64":false`),
		"an empty crit":               with(`"crit":[]`),
		"b64":                         with(`"b64":false`),
		"compressed":                  with(`"zip":"DEF"`),
		"a token in it, says cty":     with(`"cty":"JWT"`),
		"that somebody logged out":    with(`"typ":"logout+jwt"`),
		"a security event":            with(`"typ":"application/secevent+jwt"`),
		"a typ that is a number":      with(`"typ":1`),
		"two alg":                     with(`"alg":"RS256"`),
		"two kid":                     with(`"kid":"rsa"`),
		"an escaped second alg":       with(`"\u0061lg":"none"`),
		"an alg that is a list":       f.sign(`{"alg":["RS256"],"kid":"rsa"}`, f.claims(), f.rsa),
		"an alg in another case":      f.sign(`{"ALG":"RS256","kid":"rsa"}`, f.claims(), f.rsa),
		"an alg written otherwise":    f.sign(`{"alg":"rs256","kid":"rsa"}`, f.claims(), f.rsa),
		"an alg for keys, not tokens": f.sign(`{"alg":"RSA-OAEP","kid":"rsa"}`, f.claims(), f.rsa),
		"RSA of SHA-1":                f.sign(`{"alg":"RS1","kid":"rsa"}`, f.claims(), f.rsa),
	}
}

func forgedIssuers(f *forge) map[string]string {
	own := f.server.URL
	return map[string]string{
		"another iss":              f.token("iss", "https://evil.example.net"),
		"no iss":                   f.token("iss", nil),
		"an iss with a slash":      f.token("iss", own+"/"),
		"an iss that begins so":    f.token("iss", own+".evil.example.net"),
		"a list of iss":            f.token("iss", []string{own}),
		"another aud":              f.token("aud", "other"),
		"no aud":                   f.token("aud", nil),
		"an empty aud":             f.token("aud", []string{}),
		"an aud in another case":   f.token("aud", "Relay"),
		"an aud that begins so":    f.token("aud", "relay2"),
		"a list of others":         f.token("aud", []string{"a", "b"}),
		"an aud that is an object": f.token("aud", map[string]any{"relay": true}),
		"an aud with a number":     f.token("aud", []any{"relay", 1}),
		"several aud, and no azp":  f.token("aud", []string{"relay", "other"}),
		"several aud, azp other":   f.token("aud", []string{"relay", "other"}, "azp", "other"),
		"several aud, azp a list":  f.token("aud", []string{"relay", "other"}, "azp", []string{"relay"}),
		"several aud, azp null":    f.sign(header, strings.Replace(f.claims("aud", []string{"relay", "other"}), "{", `{"azp":null,`, 1), f.rsa),
		"bound to a key":           f.token("cnf", map[string]any{"jkt": "x"}),
	}
}

func forgedTimes(f *forge) map[string]string {
	now := noon().Unix()
	raw := func(name, value string) string {
		return f.sign(header, strings.Replace(f.claims(name, nil), "{", `{"`+name+`":`+value+`,`, 1), f.rsa)
	}
	return map[string]string{
		"expired":                 f.token("exp", now-61),
		"no exp":                  f.token("exp", nil),
		"exp of null":             raw("exp", "null"),
		"exp that is text":        raw("exp", `"4102444800"`),
		"exp below 0":             raw("exp", "-1"),
		"exp of 0":                raw("exp", "0"),
		"exp beyond all time":     raw("exp", "1e300"),
		"exp that wraps around":   raw("exp", "9223372036854775807"),
		"not yet":                 f.token("nbf", now+61),
		"nbf that is text":        raw("nbf", `"0"`),
		"nbf that wraps around":   raw("nbf", "9223372036854775807"),
		"issued in the future":    f.token("iat", now+61),
		"iat that is a list":      f.token("iat", []int64{now}),
		"iat in milliseconds":     f.token("iat", now*1000),
		"exp that is true":        raw("exp", "true"),
		"exp long ago, in a list": raw("exp", "[4102444800]"),
	}
}

func forgedClaims(f *forge) map[string]string {
	twice := func(more string) string {
		return f.sign(header, strings.Replace(f.claims(), "{", "{"+more+",", 1), f.rsa)
	}
	rows := map[string]string{
		"two iss":                         twice(`"iss":"https://evil.example.net"`),
		"two sub":                         twice(`"sub":"root"`),
		"two of the claim":                twice(`"repositories":["other/site"]`),
		"two exp":                         twice(`"exp":1`),
		"two of anything":                 twice(`"x":1,"x":1`),
		"two of the claim, one escaped":   twice(`"\u0072epositories":["other/site"]`),
		"the claim in another case alone": f.token("repositories", nil, "Repositories", []string{"acme/site"}),
		"the claim of a scope":            f.token("repositories", nil, "scope", "repositories=acme/site"),
		"no claim":                        f.token("repositories", nil),
	}
	for name, value := range map[string]any{
		"another": "other/site", "another, and more": []string{"other/site", "acme/site2", "acme/sit"}, "nothing": "", "nobody's": []string{},
		"a number": 7, "true": true, "an object": map[string]any{"acme/site": true}, "a list in a list": [][]string{{"acme/site"}},
		"a list with a number": []any{"acme/site", 1}, "a list with null": []any{"acme/site", nil}, "in another case": "Acme/Site", "with a space": "acme/site ",
		"a list in a text": `["acme/site"]`, "a list by commas": "acme/site,other/site", "a list by spaces": "acme/site other/site",
		"a * in the middle": "*/site", "a *, and more": "acme/*e", "a * of another": "acme2/*", "an expression": "acme/.*", "a ?": "acme/sit?", "%": "acme/%",
	} {
		rows["a claim that is "+name] = f.token("repositories", value)
	}
	return rows
}

func forgedUsers(f *forge) map[string]string {
	return map[string]string{
		"no sub":                   f.token("sub", nil),
		"an empty sub":             f.token("sub", ""),
		"a sub that is a list":     f.token("sub", []string{"ada"}),
		"a sub that is an object":  f.token("sub", map[string]any{"id": "ada"}),
		"a sub that is a fraction": f.token("sub", 1.5),
		"a sub that is too long":   f.token("sub", strings.Repeat("x", protocol.MaxUserID+1)),
		"a sub in another case":    f.token("sub", nil, "SUB", "ada"),
		"a sub that is true":       f.token("sub", true),
	}
}

// forgedNames are tokens of which something is nearly as it must be.
func forgedNames(f *forge) map[string]string {
	return map[string]string{
		"the id of the client": f.token("aud", nil, "client_id", "relay"),
		"azp alone":            f.token("aud", nil, "azp", "relay"),
		"issuer for iss":       f.token("iss", nil, "issuer", f.server.URL),
	}
}
