package metrics

import "github.com/prometheus/client_golang/prometheus"

// Access is what is told of who may read what.
type Access struct {
	// Insecure is 1 where others on the network may read along, since somebody has chosen
	// that, else 0; by what: "listener", "operators", "redis", "auth".
	Insecure *prometheus.GaugeVec
	// OperatorsDenied counts the requests to the listener for operators that were refused, by
	// reason.
	OperatorsDenied *prometheus.CounterVec
}

func (f factory) access() Access {
	return Access{
		Insecure:        f.gauges("insecure", "1 where others on the network may read along.", "what"),
		OperatorsDenied: f.counters("operators_denied_total", "Requests to the listener for operators that were refused.", "reason"),
	}
}
