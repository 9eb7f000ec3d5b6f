package main

import (
	"net/http"

	"buildrelay/relay/server"
)

// profiles has the process shown to whoever reaches the listener for metrics.
func (n *node) profiles(mux *http.ServeMux) {
	server.Profiles(mux)
	if address := n.config.MetricsListen; address != "" && !isLoopback(address) {
		n.log.Warn("whoever reaches RELAY_METRICS_LISTEN can take profiles of the process", "address", address)
	}
}
