package authorize

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/loopback"
	"buildrelay/relay/metrics"
)

// mostName is how long a user's name may be, in bytes; a longer one is left out.
const mostName = 256

// Tokens says which tokens are believed.
type Tokens struct {
	// Issuer is the address of the OpenID provider, as it calls itself. What its discovery
	// (/.well-known/openid-configuration) names has its keys.
	Issuer string
	// Audience is whom a token must be for.
	Audience string
	// Claims are what it must say.
	Claims Claims
	// UserClaim is the claim that is the user's id.
	UserClaim string
	// Cookie is the cookie that has the token, where Authorization has none; "" for none.
	Cookie string
	// Skew is how far the issuer's clock may be from this one.
	Skew time.Duration
}

// OIDC is a [Decider] by what tokens say that an OpenID provider has signed (JWT). It asks the provider
// for its keys, and never about a client.
type OIDC struct {
	asking
	tokens Tokens
	keys   issuerKeys
}

// NewOIDC makes one. An issuer that cannot be one is an error; it is not asked yet. roots is what
// its certificate is believed by; where it returns nil that is the system's.
func NewOIDC(t Tokens, roots func() *x509.CertPool, m metrics.Authorizations, log *slog.Logger) (*OIDC, error) {
	if err := checkIssuer(t.Issuer); err != nil {
		return nil, err
	}
	o := &OIDC{asking: newAsking(roots, m, log), tokens: t}
	o.keys = issuerKeys{fetch: o.fetchKeys, now: func() time.Time { return o.now() }, log: log, turn: make(chan struct{}, 1)}
	return o, nil
}

// checkIssuer: whoever could change the keys on their way would be the issuer.
func checkIssuer(address string) error {
	u, err := parseAddress(address, "https://login.example.com")
	if err != nil {
		return err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return errors.New("an issuer's address has no query")
	}
	if u.Scheme != "https" && !loopback.IsHost(u.Hostname()) {
		return errors.New("it must begin with https, and there is no way around that: who signs tokens is known from there")
	}
	return nil
}

// Decide is that of a [Decider]. It waits for the issuer where its keys are not known, or old.
func (o *OIDC) Decide(ctx context.Context, q Question) (Answer, error) {
	answer, err := o.measured(ctx, q, o.judge)
	if errors.Is(err, ErrDenied) {
		o.state.log.Debug("a token is refused", "reason", err, "channel", q.Channel)
	}
	return answer, err
}

// judge judges the token that the client shows. It looks at nothing of it before it is known who
// signed it, but for what says by which key.
func (o *OIDC) judge(ctx context.Context, q Question) (Answer, error) {
	text, err := o.shown(q)
	if err != nil {
		return Answer{}, err
	}
	signed, err := parseSigned(text)
	if err != nil {
		return Answer{}, err
	}
	keys, err := o.keys.find(ctx, signed.by)
	if err != nil {
		return Answer{}, err
	}
	payload, err := signed.verify(keys)
	if err != nil {
		return Answer{}, err
	}
	t, err := readToken(payload)
	if err != nil {
		return Answer{}, err
	}
	if err := t.check(o.tokens, o.now()); err != nil {
		return Answer{}, err
	}
	if err := o.tokens.Claims.check(t.members, q); err != nil {
		return Answer{}, err
	}
	member, err := t.member(o.tokens.UserClaim)
	return Answer{Member: member, Until: t.Expiry.Time()}, err
}

// shown is the token of a request: that of Authorization, whatever cookies there are, or else of
// the cookie. A cookie that comes twice may be somebody else's.
func (o *OIDC) shown(q Question) (string, error) {
	if scheme, token, _ := strings.Cut(string(q.Authorization), " "); strings.EqualFold(scheme, "Bearer") {
		return token, nil
	}
	if o.tokens.Cookie != "" {
		header := http.Header{"Cookie": {string(q.Cookie)}}
		switch found := (&http.Request{Header: header}).CookiesNamed(o.tokens.Cookie); len(found) {
		case 0:
		case 1:
			return found[0].Value, nil
		default:
			return "", refuseToken("its cookie comes more than once")
		}
	}
	return "", &refusal{http.StatusForbidden, outcomeAnonymous, "no credentials: the request shows no token"}
}

// member is whose token it is, and what it calls them. Whoever is nobody may not.
func (t *token) member(claim string) (*protocol.Member, error) {
	type info struct {
		Name json.RawMessage `json:"name"`
	}
	of := struct {
		ID   json.RawMessage `json:"user_id"`
		Info *info           `json:"user_info,omitempty"`
	}{ID: t.members[claim]}
	if name := t.members["name"]; len(name) > 0 && name[0] == '"' && len(name) <= mostName {
		of.Info = &info{name}
	}
	text, err := marshal(of)
	if err != nil {
		return nil, err
	}
	member, refused := protocol.ParseMember(text, protocol.Limits{MemberSize: len(text)})
	if refused != nil {
		return nil, refuseToken("its claim " + claim + " is no id of a user")
	}
	return &member, nil
}

// keysAddress is where the issuer says that its keys are. Only one on this machine may have them
// elsewhere than behind TLS.
func keysAddress(issuer, address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return "", errors.New("the issuer's jwks_uri is no address")
	case u.Scheme == "https", u.Scheme == "http" && strings.HasPrefix(issuer, "http:") && loopback.IsHost(u.Hostname()):
		return address, nil
	}
	return "", errors.New("the issuer's jwks_uri does not begin with https")
}
