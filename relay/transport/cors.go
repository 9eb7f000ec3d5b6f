package transport

import "net/http"

// allowOrigin lets the page that asks read the answer, whatever its origin: who may not
// connect is told so in the answer. Old SockJS clients ask with credentials, for which an
// asterisk does not do (protocol.md 6.2).
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	} else {
		h.Set("Access-Control-Allow-Origin", "*")
	}
}

// preflight answers a browser that asks what it may ask.
func preflight(w http.ResponseWriter, r *http.Request, methods string) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", methods)
	asked := r.Header.Get("Access-Control-Request-Headers")
	if asked == "" {
		asked = "Content-Type"
	}
	h.Set("Access-Control-Allow-Headers", asked)
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}
