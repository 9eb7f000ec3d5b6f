package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Key is what a node tells of one of its apps' keys.
type Key struct {
	App, Key, State string
	Since           time.Time // when the node found it in this state
	Used            time.Time // zero where it was not used since the node started
	Refused         int64     // how often it was refused
}

// keys are asked for when somebody reads the metrics: their series come and go with the keys.
type keys struct {
	ask                  func() []Key
	used, since, refused *prometheus.Desc
}

func newKeys(ask func() []Key) keys {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
	}
	return keys{
		ask:     ask,
		used:    desc("key_last_used_timestamp_seconds", "When a key of an app was used last on this node, since its start.", "app", "key"),
		since:   desc("key_state_timestamp_seconds", "When this node found a key of an app in its state.", "app", "key", "state"),
		refused: desc("key_refused_total", "Uses of a key that is revoked, or lacks the right.", "app", "key"),
	}
}

// Describe is for Prometheus.
func (k keys) Describe(to chan<- *prometheus.Desc) {
	to <- k.used
	to <- k.since
	to <- k.refused
}

// Collect is for Prometheus.
func (k keys) Collect(to chan<- prometheus.Metric) {
	if k.ask == nil {
		return
	}
	for _, key := range k.ask() {
		if !key.Used.IsZero() {
			to <- prometheus.MustNewConstMetric(k.used, prometheus.GaugeValue, seconds(key.Used), key.App, key.Key)
		}
		to <- prometheus.MustNewConstMetric(k.since, prometheus.GaugeValue, seconds(key.Since), key.App, key.Key, key.State)
		to <- prometheus.MustNewConstMetric(k.refused, prometheus.CounterValue, float64(key.Refused), key.App, key.Key)
	}
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
