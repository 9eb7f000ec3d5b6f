// Package visit does to a relay, directly or through a proxy, what browsers do: it connects,
// subscribes and waits for events. It is for finding out whether an installation works.
package visit

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

// Relay is where a relay is, and which app is asked for.
type Relay struct {
	// URL is http or https, host and port, without a path.
	URL *url.URL
	// TLS is how it is known where URL is https. It must not be changed.
	TLS *tls.Config
	// Key is the name of a key of the app.
	Key string
}

// mostBytes is more than a message or an answer has that is waited for here.
const mostBytes = 1 << 20

// at is an address at the relay.
func (r Relay) at(scheme, path string) string {
	u := url.URL{Scheme: scheme, Host: r.URL.Host, Path: path}
	return u.String()
}

// client makes requests, each by a connection of its own, and through no proxy of the environment:
// those between browsers and the relay are looked at, not those of whoever checks. An answer may go
// on for long.
func (r Relay) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: r.TLS.Clone(), DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
