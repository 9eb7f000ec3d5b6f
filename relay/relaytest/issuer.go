package relaytest

import (
	"encoding/json"
	"testing"
)

// IssuerClient and IssuerResource are whom an [Issuer]'s tokens are for: ID tokens for the one, access tokens
// for the other.
const (
	IssuerClient   = "ci-page"
	IssuerResource = "https://relay.example.com"
)

// Issuer is a running OpenID provider; clients/issuer.mjs has the details.
type Issuer struct {
	// URL is what it calls itself.
	URL string

	t       testing.TB
	process *child
	next    int // index in the process's output of the next answer
}

// IssuedTokens are the tokens of somebody who has logged in.
type IssuedTokens struct {
	ID     string `json:"id_token"`
	Access string `json:"access_token"`
}

// StartIssuer starts one until the test ends, whose users have these claims. certs is what it
// serves TLS with; nil is without.
func StartIssuer(t testing.TB, users map[string]map[string]any, certs *Certs) *Issuer {
	t.Helper()
	options := map[string]any{"users": users, "client": IssuerClient, "resource": IssuerResource}
	if certs != nil {
		options["cert"], options["key"] = certs.CertFile, certs.KeyFile
	}
	i := &Issuer{t: t, process: startNode(t, "issuer.mjs", "oidc-provider", options, certs)}
	var said struct{ Issuer string }
	i.answer("issuer", &said)
	i.URL = said.Issuer
	return i
}

// Login returns the tokens of a user who logs in, as a browser does.
func (i *Issuer) Login(user string) IssuedTokens {
	i.t.Helper()
	i.process.tell(i.t, map[string]any{"do": "login", "user": user})
	var tokens IssuedTokens
	i.answer("status", &tokens)
	if tokens.ID == "" || tokens.Access == "" {
		i.t.Fatalf("%s: no tokens for %s\n%s", i.process.name, user, i.process.saidLast())
	}
	return tokens
}

// Rotate makes it sign with another key, and show those of before still, or not.
func (i *Issuer) Rotate(keep bool) {
	i.t.Helper()
	i.process.tell(i.t, map[string]any{"do": "rotate", "keep": keep})
	i.answer("status", &struct{}{})
}

// answer reads the next line that has the member.
func (i *Issuer) answer(member string, into any) {
	i.t.Helper()
	line, at := i.process.expectLine(i.t, i.process.stdout, "an answer", i.next, func(line string) bool {
		var is map[string]json.RawMessage
		return json.Unmarshal([]byte(line), &is) == nil && is[member] != nil
	})
	i.next = at + 1
	if err := json.Unmarshal([]byte(line), into); err != nil {
		i.t.Fatalf("%s: reading the answer: %v", i.process.name, err)
	}
}
