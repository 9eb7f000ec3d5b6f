package metrics

import "github.com/prometheus/client_golang/prometheus"

// Authorizations is what is told of the auth endpoint.
type Authorizations struct {
	// Authorizations counts what clients asked for, by outcome: "granted", "denied",
	// "undecided", "pattern", "kind", "cross_site", "app", "anonymous", "busy", "invalid".
	Authorizations *prometheus.CounterVec
	// AuthorizationsCached counts the answers that were known.
	AuthorizationsCached prometheus.Counter
	// AuthorizationSeconds is how long it took to be told, by outcome: "granted", "denied",
	// "undecided".
	AuthorizationSeconds *prometheus.HistogramVec
	// AuthorizationsRevoked counts connections that were closed since what let them in was
	// taken back.
	AuthorizationsRevoked prometheus.Counter
	// RevocationsKnown is 1 while Redis says what was revoked. Where it does not, those that were
	// told while the node did not hear it are missed.
	RevocationsKnown prometheus.Gauge
}

func (f factory) authorizations() Authorizations {
	return Authorizations{
		Authorizations:       f.counters("authorizations_total", "What clients asked of the auth endpoint.", "outcome"),
		AuthorizationsCached: f.counter("authorizations_cached_total", "Answers of the auth endpoint that were known."),
		AuthorizationSeconds: f.histograms("authorization_seconds", "Time in which it was decided who may watch.", "outcome"),

		AuthorizationsRevoked: f.counter("authorizations_revoked_total", "Connections closed since what let them in was taken back."),
		RevocationsKnown:      f.gauge("revocations_known", "1 while it can be read what was revoked, 0 while it cannot."),
	}
}
