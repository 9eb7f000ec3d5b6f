package relaytest

import (
	"maps"
	"net"
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
	r.Address, r.Metrics = reachable(r.Address), reachable(r.Metrics)
	return r
}

// reachable is an address of this machine, for one that means all of them.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}
