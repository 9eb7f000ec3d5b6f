package relaytest

// FallbackURL is where a pusher-js with key asks when it falls back to HTTP, up to the
// session.
func (r *Relay) FallbackURL(key string) string { return r.URL() + "/pusher/app/" + key }

// DialXHR is a client of the HTTP fallback of the fixture's app.
func (r *Relay) DialXHR(options XHROptions) *XHRClient {
	r.t.Helper()
	if r.Certs != nil && options.TLS == nil {
		options.TLS = r.Certs.Client()
	}
	return DialXHR(r.t, r.FallbackURL(Key), options)
}

// ConnectXHR is DialXHR, with the handshake behind it.
func (r *Relay) ConnectXHR(options XHROptions) *XHRClient {
	r.t.Helper()
	c := r.DialXHR(options)
	c.Established()
	return c
}
