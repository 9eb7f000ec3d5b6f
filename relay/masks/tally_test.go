package masks

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/protocol"
	"buildrelay/relay/mask"
)

// expectTold looks what was told since the last time.
func (r *rig) expectTold(t *testing.T, name string, want ...Hits) {
	t.Helper()
	if diff := cmp.Diff(want, r.told); diff != "" {
		t.Errorf("%s: told (-want +got):\n%s", name, diff)
	}
	r.told = nil
}

func hits(place Place, values, keys int64) Hits {
	h := Hits{App: app, Channel: channel, Place: place, Count: map[mask.Kind]int64{}}
	if values > 0 {
		h.Count[mask.Value] = values
	}
	if keys > 0 {
		h.Count[mask.AWSKey] = keys
	}
	return h
}

func TestItIsToldOnceAMinuteWhatWasMasked(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.rules = protocol.MaskRules{{Pattern: "*", Field: "text", Shapes: true}}
	r.show("", `{"text":"hunter2xyz hunter2xyz","x":"AKIAIOSFODNN7EXAMPLE"}`)
	r.expectTold(t, "the first", hits(Delivery, 2, 1))
	r.show("", "hunter2xyz")
	r.show("", "nothing")
	r.publish("hunter2xyz")
	r.expectTold(t, "another place", hits(Publish, 1, 0))
	r.TellDue()
	r.expectTold(t, "too early")
	r.clock = r.clock.Add(often)
	r.show("", "AKIAIOSFODNN7EXAMPLE")
	r.expectTold(t, "after a minute", hits(Delivery, 1, 1))
	r.show("", "hunter2xyz")
	r.clock = r.clock.Add(often)
	r.TellDue()
	r.expectTold(t, "nothing came, another minute later", hits(Delivery, 1, 0))
	r.clock = r.clock.Add(often)
	r.TellDue()
	r.expectTold(t, "nothing was masked")
	if n := len(r.tally.by); n != 0 {
		t.Errorf("%d are remembered", n)
	}
}

func TestTheRuleSaysWhetherReadersAreTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.rules = protocol.MaskRules{{Pattern: "*", Field: "text", Notice: true}}
	r.show("", secret)
	want := hits(Delivery, 1, 0)
	want.Notice = true
	r.expectTold(t, "with a notice", want)
}

func TestHitsAreCountedByPlaceAndKind(t *testing.T) {
	t.Parallel()
	r := newRig(t, secret)
	r.show("", "hunter2xyz")
	r.publish("hunter", "2xyz and hunter2xyz")
	e := protocol.Event{Channel: channel, Data: secret}
	r.Showing(app, &e, "", History)
	for place, want := range map[Place]float64{Delivery: 1, Publish: 3, History: 1} {
		if got := testutil.ToFloat64(r.config.Metrics.Masked.WithLabelValues(app, "value", string(place))); got != want {
			t.Errorf("%s: %v, want %v", place, got, want)
		}
	}
}

func TestWhatWaitsToBeToldIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	one := mask.Counts{mask.Value: 1}
	for i := range mostTold + 10 {
		r.count(app, fmt.Sprint(i), Delivery, one, false)
	}
	if len(r.tally.by) != mostTold || len(r.told) != mostTold {
		t.Errorf("%d are remembered, %d were told", len(r.tally.by), len(r.told))
	}
	r.clock = r.clock.Add(time.Hour)
	r.TellDue()
	if len(r.tally.by) != 0 {
		t.Errorf("%d are remembered for ever", len(r.tally.by))
	}
}
