package authorize

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"buildrelay/auth"
)

// allowPage lets a page of another origin read the answer if it is one of the app's, and says
// whether whoever sent the request may ask at all: such a page, one of the endpoint's own origin, or
// a client that is no browser. The browser sends cookies along whatever page asks, so what pages
// may connect is not enough: an app that names no origins, or all, has none here.
func allowPage(w http.ResponseWriter, r *http.Request, app *auth.App) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	h.Add("Vary", "Sec-Fetch-Site")
	origins := r.Header.Values("Origin")
	site := r.Header.Get("Sec-Fetch-Site")
	switch {
	case len(origins) > 1:
		return false
	case len(origins) == 1 && isListed(app.Origins, origins[0]):
		h.Set("Access-Control-Allow-Origin", origins[0])
		h.Set("Access-Control-Allow-Credentials", "true")
		return true
	case site != "" && site != "none":
		return site == "same-origin"
	default:
		return len(origins) == 0 || isOwn(r, origins[0])
	}
}

// isListed says whether the app names the origin.
func isListed(all auth.Origins, origin string) bool {
	named := slices.DeleteFunc(slices.Clone(all), func(o string) bool { return o == "*" })
	return len(named) > 0 && strings.Contains(origin, "://") && named.Allow(origin)
}

// isOwn says whether the origin is that of the endpoint, for browsers that do not say it. A proxy
// may have ended TLS.
func isOwn(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host) && u.Host != "" && (r.TLS == nil || u.Scheme == "https")
}

// preflight tells a browser what a page that may ask may send.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "POST")
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
