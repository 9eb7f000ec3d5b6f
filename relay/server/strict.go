package server

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// StrictTransport tells browsers that come over TLS to use nothing else with the host for so
// long (HSTS), at any port of it; 0 means that they are not told. localhost and addresses are
// left out: other programs of theirs have nothing to do with us, and browsers do not heed it
// for addresses.
func StrictTransport(next http.Handler, maxAge time.Duration) http.Handler {
	if maxAge <= 0 {
		return next
	}
	value := "max-age=" + strconv.FormatInt(int64(maxAge/time.Second), 10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && isPublicName(r.Host) {
			w.Header().Set("Strict-Transport-Security", value)
		}
		next.ServeHTTP(w, r)
	})
}

// isPublicName says whether a request's host is a name that more than this machine has.
func isPublicName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return false
	}
	return host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// StrictHeaders gives what next answers the headers of what is no page: nothing in it is to
// run, to be framed, to be taken for another type, or to be read by pages of other hosts. A
// page sets its own policy in their place.
func StrictHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
