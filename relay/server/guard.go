package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"buildrelay/auth"
	"buildrelay/relay/clientcert"
)

// Guard stands before all that a listener for operators shows. What it does not know is shown
// to those alone who may see it.
type Guard struct {
	// Token is what they show, as a password or a bearer token.
	Token auth.Secret
	// Clients say whose certificates will do as well; nil means nobody's.
	Clients *clientcert.Rule
	// Where there is neither, Local says whether the listener is one for this machine alone:
	// then all is shown to who comes by a name of the machine itself.
	Local bool
	// Denied is told of each request that is refused, and why, by a word from a fixed list;
	// nil means that nobody is.
	Denied func(r *http.Request, reason string)
}

// Why requests are refused, beside what [clientcert] says.
const (
	NoToken     = "no token"
	WrongToken  = "wrong token"
	NoTokenSet  = "no token is set"
	ForeignHost = "foreign host"
	ForeignPage = "foreign page"
)

// denial is why a request is not answered.
type denial struct {
	status int
	reason string // for the record
	text   string // for the sender
}

// Handler lets those through to next who may see it; [Operator] then says who they are.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isHealth(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		name, refused := g.admit(r)
		if refused == nil {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, name)))
			return
		}
		if refused.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="buildrelay operators", charset="UTF-8"`)
		}
		if g.Denied != nil {
			g.Denied(r, refused.reason)
		}
		http.Error(w, refused.text, refused.status)
	})
}

// operatorKey is that of a context's value.
type operatorKey struct{}

// Operator is the name in the certificate that a request was let through for; "" where it was
// for something else.
func Operator(r *http.Request) string {
	name, _ := r.Context().Value(operatorKey{}).(string)
	return name
}

// admit says who the sender is, or why it may not see what it asks for.
func (g *Guard) admit(r *http.Request) (name string, refused *denial) {
	if g.Token == "" && g.Clients == nil {
		refused = g.admitLocal(r)
	} else {
		name, refused = g.identify(r)
	}
	if refused == nil && isForeign(r) && !isCounts(r.URL.Path) && !isPage(r.URL.Path) {
		refused = &denial{http.StatusForbidden, ForeignPage, "a page of another site asks for this: open it yourself"}
	}
	return name, refused
}

// isForeign says that a browser asks for a page of another origin: of another site, or of
// another name or port of this one, which another program may have.
func isForeign(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// admitLocal is for a listener that nobody has a key to.
func (g *Guard) admitLocal(r *http.Request) *denial {
	switch {
	case isCounts(r.URL.Path):
		return nil
	case !g.Local:
		return &denial{
			http.StatusForbidden, NoTokenSet,
			"this is not shown here: set RELAY_ADMIN_TOKEN or RELAY_ADMIN_CLIENT_CA_FILE, or RELAY_METRICS_LISTEN to a loopback address",
		}
	case !isLocal(r.Host):
		// A page from elsewhere may make its own name that of this machine.
		return &denial{
			http.StatusForbidden, ForeignHost,
			"without RELAY_ADMIN_TOKEN and RELAY_ADMIN_CLIENT_CA_FILE this is shown at localhost, 127.0.0.1 and [::1] alone",
		}
	}
	return nil
}

// identify is for a listener that some have a key to: a certificate or the token.
func (g *Guard) identify(r *http.Request) (name string, refused *denial) {
	var why *clientcert.Refusal
	if g.Clients != nil {
		if name, why = g.Clients.Check(r.TLS); why == nil {
			return name, nil
		}
	}
	given, offered := token(r)
	switch {
	case g.Token == "":
		return "", &denial{http.StatusForbidden, why.Cause, "a client certificate of RELAY_ADMIN_CLIENT_CA_FILE is needed: " + why.Text}
	case offered && same(given, string(g.Token)):
		return "", nil
	case offered:
		return "", &denial{http.StatusUnauthorized, WrongToken, "this is not the token of RELAY_ADMIN_TOKEN"}
	case why != nil && why.Cause != clientcert.NoCertificate:
		return "", &denial{http.StatusUnauthorized, why.Cause, why.Text + ", and the token of RELAY_ADMIN_TOKEN is not there either"}
	}
	return "", &denial{http.StatusUnauthorized, NoToken, "the token of RELAY_ADMIN_TOKEN is needed, as the password or as a bearer token"}
}

// token is what the sender shows: a bearer token, or a password with any name.
func token(r *http.Request) (given string, offered bool) {
	if _, password, ok := r.BasicAuth(); ok {
		return password, true
	}
	scheme, given, found := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(given), found && strings.EqualFold(scheme, "Bearer")
}

// same compares in a time that tells nothing of either.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
