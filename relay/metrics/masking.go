package metrics

import "github.com/prometheus/client_golang/prometheus"

// Masking is what is told of secrets that became stars.
type Masking struct {
	// Masked counts the stars, by app, by what was found ("value", or the name of a token's
	// form), and by where: "publish", "delivery", "history".
	Masked *prometheus.CounterVec
	// MasksUnreadable are the registrations whose values this node needed and cannot read:
	// what they are to mask is shown.
	MasksUnreadable prometheus.Gauge
	// MasksCompiled counts how often values were made ready to be looked for: again and again
	// where there is too little memory for all that are needed.
	MasksCompiled prometheus.Counter
}

func (f factory) masking() Masking {
	return Masking{
		Masked:          f.counters("masked_total", "Secrets in events that became stars.", "app", "kind", "place"),
		MasksUnreadable: f.gauge("masks_unreadable", "Registrations of values to be masked that this node cannot read."),
		MasksCompiled:   f.counter("masks_compiled_total", "Registrations of values that were made ready to be looked for."),
	}
}
