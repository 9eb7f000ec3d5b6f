package relaytest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"buildrelay/auth"
)

// URL is the relay's base address for HTTP.
func (r *Relay) URL() string {
	if r.Certs != nil {
		return "https://" + r.Address
	}
	return "http://" + r.Address
}

// SocketURL is where a pusher-js of today connects with key.
func (r *Relay) SocketURL(key string) string {
	scheme := "ws://"
	if r.Certs != nil {
		scheme = "wss://"
	}
	return scheme + r.Address + "/app/" + key + "?protocol=7&client=js&version=8.6.0&flash=false"
}

// Connect is an ordinary WebSocket client of the fixture's app that has its
// handshake behind it.
func (r *Relay) Connect() *WSClient {
	r.t.Helper()
	c := r.Dial(WSOptions{})
	c.Established()
	return c
}

// Dial is a WebSocket client of the fixture's app.
func (r *Relay) Dial(options WSOptions) *WSClient {
	r.t.Helper()
	if r.Certs != nil && options.TLS == nil {
		options.TLS = r.Certs.Client()
	}
	return DialWS(r.t, r.SocketURL(Key), options)
}

// Publish publishes an event by a signed request to the HTTP API and fails the
// test if the status is not 200.
func (r *Relay) Publish(e Trigger) {
	r.t.Helper()
	body := map[string]any{"name": e.Event, "channels": e.Channels, "data": e.Data}
	if e.SocketID != "" {
		body["socket_id"] = e.SocketID
	}
	if status, reply := r.Request(http.MethodPost, "/events", encode(r.t, body)); status != http.StatusOK {
		r.t.Fatalf("publishing %s: status %d: %s", e.Event, status, reply)
	}
}

// Request sends a signed request to a path below the fixture app's.
func (r *Relay) Request(method, path, body string) (status int, reply string) {
	r.t.Helper()
	return r.RequestWith(method, path, nil, body)
}

// RequestWith is Request with parameters in the query.
func (r *Relay) RequestWith(method, path string, parameters url.Values, body string) (status int, reply string) {
	r.t.Helper()
	path = "/apps/" + AppID + path
	query := auth.SignRequest(auth.Key{Key: Key, Secret: Secret}, method, path, parameters, []byte(body), time.Now())
	return r.Do(method, path+"?"+query, body)
}

// Do sends a request as it is; target is its path and query.
func (r *Relay) Do(method, target, body string) (status int, reply string) {
	r.t.Helper()
	return r.ask(method, r.URL()+target, body)
}

// AskMetrics sends a GET to a path of the listener for metrics.
func (r *Relay) AskMetrics(path string) (status int, reply string) {
	r.t.Helper()
	return r.ask(http.MethodGet, r.MetricsURL()+path, "")
}

func (r *Relay) ask(method, target, body string) (status int, reply string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), Patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader([]byte(body)))
	if err != nil {
		r.t.Fatalf("making a request: %v", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatalf("%s %s: reading the answer: %v", method, target, err)
	}
	return response.StatusCode, string(answer)
}
