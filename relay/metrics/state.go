package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// State is what a node is asked for when somebody reads its metrics.
type State struct {
	// Version and Revision are of the binary.
	Version, Revision string
	// Ready are the parts of the node by name: nil from each means that the node is ready.
	Ready map[string]func() error
	// Keys are those of the apps; nil means that there are none.
	Keys func() []Key
}

// Register registers the state with reg.
func (s State) Register(reg prometheus.Registerer) {
	f := factory{reg}
	f.gauges("build_info", "Always 1; the labels tell what runs.", "version", "revision").
		WithLabelValues(s.Version, s.Revision).Set(1)
	register(f, newKeys(s.Keys))
	for _, part := range slices.Sorted(maps.Keys(s.Ready)) {
		f.ready(part, s.Ready[part])
	}
}

func (f factory) ready(part string, ready func() error) {
	o := prometheus.GaugeOpts(options("ready", "1 while this part of the node can do its work."))
	o.ConstLabels = prometheus.Labels{"part": part}
	register(f, prometheus.NewGaugeFunc(o, func() float64 {
		if ready() != nil {
			return 0
		}
		return 1
	}))
}
