package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"buildrelay/relay/audit"
)

// denial is why a request is not answered.
type denial struct {
	status int
	reason string // for the record
	text   string // for the reader
}

// guard lets those who may read the trail through.
func (a *Admin) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if d := a.deny(r); d != nil {
			a.refuse(w, r, d)
			return
		}
		next(w, r)
	}
}

// deny says why the sender may not read, nil if it may.
func (a *Admin) deny(r *http.Request) *denial {
	given, offered := token(r)
	switch {
	case a.Token != "" && !offered:
		return &denial{http.StatusUnauthorized, "no token", "the token of RELAY_ADMIN_TOKEN is needed, as the password or as a bearer token"}
	case a.Token != "" && !same(given, string(a.Token)):
		return &denial{http.StatusUnauthorized, "wrong token", "this is not the token of RELAY_ADMIN_TOKEN"}
	case a.Token == "" && !a.Local:
		return &denial{http.StatusForbidden, "no token is set", "the audit trail is not shown here: set RELAY_ADMIN_TOKEN, or RELAY_METRICS_LISTEN to a loopback address"}
	case a.Token == "" && !isLocal(r.Host):
		// A page from elsewhere may make its own name that of this machine.
		return &denial{http.StatusForbidden, "foreign host", "without RELAY_ADMIN_TOKEN the audit trail is shown at localhost, 127.0.0.1 and [::1] alone"}
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && !isPage(r.URL.Path):
		return &denial{http.StatusForbidden, "foreign page", "a page of another site asks for records: open the audit page itself"}
	}
	return nil
}

// refuse tells the sender, and records it. Browsers ask for the password only where they are
// asked to, so that the first request of each is recorded, too.
func (a *Admin) refuse(w http.ResponseWriter, r *http.Request, d *denial) {
	if d.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="buildrelay audit trail", charset="UTF-8"`)
	}
	record := a.record(r, audit.ActionAdminDenied, audit.AdminDenied{Path: audit.Clean(r.URL.Path), Reason: d.reason})
	record.Success = false
	a.Trail.Refused(record, d.reason, a.address(r))
	http.Error(w, d.text, d.status)
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

// isPage says that a path is that of the page, to which another page may link.
func isPage(path string) bool { return path == "/audit" || path == "/audit/" }

// isLocal says that a Host header names this machine by a name that nobody can take over.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}
