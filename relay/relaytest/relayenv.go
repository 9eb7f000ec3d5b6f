package relaytest

import (
	"maps"
	"net/http"
	"testing"
)

// StartRelayWith is StartRelay with nothing in its environment but env, and started by
// args, "serve" where there are none: for settings that must be enough as they are. They
// must name free ports, such as 0, and may have it serve TLS with certs, which are nil
// otherwise.
func StartRelayWith(t testing.TB, env map[string]string, certs *Certs, args ...string) *Relay {
	t.Helper()
	r := &Relay{t: t, binary: Build(t), Certs: certs, args: args, client: &http.Client{Transport: &http.Transport{}}}
	r.env = maps.Clone(env)
	if certs != nil {
		r.client.Transport = &http.Transport{TLSClientConfig: certs.Client()}
	}
	t.Cleanup(r.client.CloseIdleConnections)
	r.run()
	return r
}
