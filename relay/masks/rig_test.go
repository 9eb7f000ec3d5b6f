package masks

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
	"buildrelay/relay/metrics"
)

const (
	app     = "3"
	channel = "private-build-1"
	secret  = "hunter2xyz"
)

// rig is masks whose values are sealed in no way: they stand there with NUL between them.
type rig struct {
	*Masks
	rules  protocol.MaskRules
	opened int
	told   []Hits
	logged strings.Builder
	clock  time.Time
	broken bool // nothing can be opened
}

func newRig(t testing.TB, values ...string) *rig {
	t.Helper()
	r := &rig{clock: time.Unix(1_800_000_000, 0)}
	r.Masks = New(Config{
		Rules:   func(string) protocol.MaskRules { return r.rules },
		Open:    func(_, _, sealed string) ([]string, error) { return r.unseal(sealed) },
		Told:    func(h Hits) { r.told = append(r.told, h) },
		Now:     func() time.Time { return r.clock },
		Metrics: metrics.New(prometheus.NewRegistry()).Masking,
		Log:     slog.New(slog.NewTextHandler(&r.logged, nil)),
	})
	if len(values) > 0 {
		r.register(channel, 1, values...)
	}
	return r
}

func (r *rig) unseal(sealed string) ([]string, error) {
	if r.broken {
		return nil, errors.New("an unknown key")
	}
	r.opened++
	return strings.Split(sealed, "\x00"), nil
}

func (r *rig) stored(channel string, version int64, values ...string) Stored {
	return Stored{App: app, Channel: channel, Sealed: strings.Join(values, "\x00"), Until: r.clock.Add(time.Hour), Version: version}
}

// register registers values for an hour.
func (r *rig) register(channel string, version int64, values ...string) {
	r.Hear(r.stored(channel, version, values...))
}

// show is what is shown of data that comes behind an event.
func (r *rig) show(before, data string) string {
	e := protocol.Event{Name: "build:output", Channel: channel, Data: data}
	r.Showing(app, &e, before, Delivery)
	return e.Data
}

// publish is what is published of events of one call.
func (r *rig) publish(data ...string) []string {
	var events []protocol.Event
	for _, d := range data {
		events = append(events, protocol.Event{Name: "build:output", Channel: channel, Data: d})
	}
	r.Publishing(app, events)
	for i := range events {
		data[i] = events[i].Data
	}
	return data
}

// found is how many stars there were.
func (r *rig) found() float64 {
	var n float64
	for _, place := range []Place{Publish, Delivery, History} {
		for k := range len(mask.Counts{}) {
			n += testutil.ToFloat64(r.config.Metrics.Masked.WithLabelValues(app, mask.Kind(k).String(), string(place)))
		}
	}
	return n
}
