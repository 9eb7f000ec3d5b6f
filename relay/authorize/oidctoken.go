package authorize

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	strict "github.com/go-jose/go-jose/v4/json" // no member twice, none in another case
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// mostToken is how long a token may be.
	mostToken = 8 << 10
	// leastRSA is how many bits the modulus of a key must have (RFC 7518, 3.3).
	leastRSA = 2048
)

// tokenForm is that of a JWT that is signed: three parts. One that is encrypted has five.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// algorithms are those that a token may be signed by. Of "none", and of those by a secret (HS256), it
// is not one: what everybody may know of the issuer would be enough to sign.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
}

// refuseToken is the error for a token that is not good; why is for the log, and says nothing of
// what is in it.
func refuseToken(why string) error { return fmt.Errorf("%w by this token: %s", ErrDenied, why) }

// signedToken is a token of which is not known yet whether somebody has signed it.
type signedToken struct {
	signature *jose.JSONWebSignature
	algorithm string
	kid       string // "" where the token does not say by which key it is
}

// parseSigned reads a token's form and header. What the header says of keys and where to find them
// (jwk, jku, x5c, x5u) is nothing to go by: it is the client's word.
func parseSigned(text string) (*signedToken, error) {
	if len(text) > mostToken {
		return nil, refuseToken("it is longer than 8 KiB")
	}
	if !tokenForm.MatchString(text) {
		return nil, refuseToken("it does not have the form of a signed JWT")
	}
	signature, err := jose.ParseSignedCompact(text, algorithms())
	if err != nil {
		return nil, refuseToken("it cannot be read, or is not signed as it must be")
	}
	header := signature.Signatures[0].Protected
	for _, name := range []jose.HeaderKey{"crit", "b64", "cty", "zip"} {
		if _, ok := header.ExtraHeaders[name]; ok {
			return nil, refuseToken("its header has " + string(name))
		}
	}
	if !isTokenType(header.ExtraHeaders["typ"]) {
		return nil, refuseToken("its typ is that of something else")
	}
	return &signedToken{signature, header.Algorithm, header.KeyID}, nil
}

// isTokenType says whether a typ is that of an ID token or an access token (RFC 9068); many have
// none. An issuer signs other things, too, such as that somebody has logged out.
func isTokenType(typ any) bool {
	if typ == nil {
		return true
	}
	name, _ := typ.(string)
	name = strings.TrimPrefix(strings.ToLower(name), "application/")
	return name == "jwt" || name == "at+jwt"
}

// by says whether the token says that it is by this key.
func (s *signedToken) by(key *jose.JSONWebKey) bool {
	return (s.kid == "" || s.kid == key.KeyID) && (key.Algorithm == "" || key.Algorithm == s.algorithm) && signs(key.Key, s.algorithm)
}

// signs says whether a public key is of an algorithm's kind.
func signs(key any, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= leastRSA && (strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS"))
	case *ecdsa.PublicKey:
		curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
		return curves[algorithm] == k.Curve
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	default:
		return false
	}
}

// verify returns what one of the keys has signed. A token that names no key must be by the only
// one that it can be by.
func (s *signedToken) verify(keys []jose.JSONWebKey) ([]byte, error) {
	if s.kid == "" && len(keys) > 1 {
		return nil, refuseToken("it does not say which of the issuer's keys it is by")
	}
	for _, key := range keys {
		if payload, err := s.signature.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, refuseToken("the issuer has not signed it")
}

// token is what the issuer has signed.
type token struct {
	jwt.Claims
	members map[string]json.RawMessage // all
}

func readToken(payload []byte) (*token, error) {
	var t token
	if !utf8.Valid(payload) || strict.Unmarshal(payload, &t.members) != nil || strict.Unmarshal(payload, &t.Claims) != nil {
		return nil, refuseToken("its claims are no JSON object, have a name twice, or are not what they must be")
	}
	return &t, nil
}

// check looks who issued the token, for whom, and whether it is its time.
func (t *token) check(want Tokens, now time.Time) error {
	expected := jwt.Expected{Issuer: want.Issuer, AnyAudience: jwt.Audience{want.Audience}, Time: now}
	if err := t.ValidateWithLeeway(expected, want.Skew); err != nil {
		return fmt.Errorf("%w by this token: %w", ErrDenied, err)
	}
	if t.Expiry == nil {
		return refuseToken("it never expires")
	}
	if len(t.Audience) > 1 && !isString(t.members["azp"], want.Audience) {
		return refuseToken("it is for several, and azp is another")
	}
	if _, bound := t.members["cnf"]; bound {
		return refuseToken("it is bound to a key (cnf), which nobody shows here")
	}
	return nil
}

func isString(member json.RawMessage, value string) bool {
	var text *string
	return len(member) > 0 && json.Unmarshal(member, &text) == nil && text != nil && *text == value
}

// usable are those keys of an issuer that tokens may be signed by.
func usable(keys []jose.JSONWebKey) []jose.JSONWebKey {
	return slices.DeleteFunc(keys, func(key jose.JSONWebKey) bool {
		kind := slices.ContainsFunc(algorithms(), func(a jose.SignatureAlgorithm) bool { return signs(key.Key, string(a)) })
		return !kind || key.Use != "" && key.Use != "sig" || !key.Valid()
	})
}
