package metrics

import "github.com/prometheus/client_golang/prometheus"

// namespace begins every name.
const namespace = "buildrelay"

// factory makes metrics and registers them.
type factory struct{ reg prometheus.Registerer }

func (f factory) counter(name, help string) prometheus.Counter {
	return register(f, prometheus.NewCounter(prometheus.CounterOpts(options(name, help))))
}

func (f factory) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return register(f, prometheus.NewCounterVec(prometheus.CounterOpts(options(name, help)), labels))
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	return register(f, prometheus.NewGauge(prometheus.GaugeOpts(options(name, help))))
}

func (f factory) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(f, prometheus.NewGaugeVec(prometheus.GaugeOpts(options(name, help)), labels))
}

func (f factory) histogram(name, help string) prometheus.Histogram {
	return register(f, prometheus.NewHistogram(histogramOptions(name, help)))
}

func (f factory) histograms(name, help string, labels ...string) *prometheus.HistogramVec {
	return register(f, prometheus.NewHistogramVec(histogramOptions(name, help), labels))
}

func options(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: namespace, Name: name, Help: help}
}

// histogramOptions has buckets for what crosses a network: from a millisecond to the 30 s
// that the longest may take.
func histogramOptions(name, help string) prometheus.HistogramOpts {
	buckets := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	return prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}
}

func register[C prometheus.Collector](f factory, c C) C {
	f.reg.MustRegister(c)
	return c
}
