package metrics

import "github.com/prometheus/client_golang/prometheus"

// Sealing is what is told of the keys that seal logs and secrets, and of what should be sealed.
type Sealing struct {
	// SealingKeys has the keys in force, by their ids: 1 for the one that seals, 0 for those
	// that only open.
	SealingKeys *prometheus.GaugeVec
	// SealingKeysGood is 1 while the keys in force are those of the file, and where there is
	// none. SealingKeysReloads counts the changes of that file, by outcome: "taken", "refused".
	SealingKeysGood    prometheus.Gauge
	SealingKeysReloads *prometheus.CounterVec
	// SealRefused counts events of sealed logs that nobody is shown, each time that they come
	// or are read, by why: "plain", not sealed though it must be; "unknown_key"; "forged",
	// changed, cut, or from another place.
	SealRefused *prometheus.CounterVec
}

func (f factory) sealing() Sealing {
	return Sealing{
		SealingKeys:        f.gauges("sealing_key", "Keys that are known: 1 for the one that seals, 0 for those that only open.", "key"),
		SealingKeysGood:    f.gauge("sealing_keys_good", "1 while the keys in force are those of the keys file."),
		SealingKeysReloads: f.counters("sealing_keys_reloads_total", "Changes of the keys file.", "outcome"),
		SealRefused:        f.counters("seal_refused_total", "Events of sealed logs that came or were read, and are not shown.", "why"),
	}
}
