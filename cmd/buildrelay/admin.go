package main

import (
	"crypto/tls"
	"errors"
	"net/http"

	"buildrelay/relay/audit/admin"
	"buildrelay/relay/server"
)

// guarded is the listener for operators behind the one guard for all of it. trail records who
// was refused; it is nil where there is none.
func (n *node) guarded(next http.Handler, trail *admin.Admin) http.Handler {
	local := isLoopback(n.config.MetricsListen)
	guard := &server.Guard{
		Token: n.config.AdminToken, Clients: n.clients.operators, Local: local,
		Denied: func(r *http.Request, reason string) {
			n.access.OperatorsDenied.WithLabelValues(reason).Inc()
			if trail != nil {
				trail.Denied(r, reason)
			}
		},
	}
	if address := n.config.MetricsListen; address != "" && !local && !n.config.guardsOperators() {
		n.log.Warn("RELAY_METRICS_LISTEN shows metrics and health alone beyond this machine: set RELAY_ADMIN_TOKEN or RELAY_ADMIN_CLIENT_CA_FILE for the rest", "address", address)
	}
	return server.StrictTransport(server.StrictHeaders(guard.Handler(next)), n.config.HSTS)
}

// guardsOperators says whether only who has a key sees what is for operators.
func (c *Config) guardsOperators() bool { return c.AdminToken != "" || c.AdminClientCAFile != "" }

// operatorsTLS is how the listener for operators serves TLS, by the certificate of the first
// of the others that has one; nil where it does not.
func (n *node) operatorsTLS(listeners []listener) (*tls.Config, error) {
	if !n.config.MetricsTLS {
		return nil, nil
	}
	for _, l := range listeners {
		if l.shown != nil {
			return asking(l.shown.config(), n.clients.operators), nil
		}
	}
	return nil, errors.New("RELAY_METRICS_TLS=on has no certificate: it is that of RELAY_LISTEN, and RELAY_TLS is off")
}

func (c *Config) checkOperators() error {
	if bool(c.MetricsTLS) && !bool(c.TLS) {
		return errors.New("RELAY_METRICS_TLS=on needs RELAY_TLS=on: the certificate is that of RELAY_LISTEN")
	}
	return nil
}
