package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"buildrelay/protocol"
)

// Times are measured times, sorted.
type Times []time.Duration

// Median is the one in the middle, 0 if there is none.
func (t Times) Median() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)/2]
}

// Of is the one that a share of all, such as 0.99, is not longer than, 0 if there is none.
func (t Times) Of(share float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(len(t)-1, int(share*float64(len(t))))]
}

// Max is the longest, 0 if there is none.
func (t Times) Max() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)-1]
}

// measure fills in the times of the report.
func (c *check) measure() {
	for i := range c.Views {
		if v := &c.Views[i]; !v.Slow {
			c.delays(v)
			c.returns(v)
			c.report.Detection = append(c.report.Detection, c.detections(v)...)
		}
	}
	slices.Sort(c.report.Granted)
	slices.Sort(c.report.Delay)
	slices.Sort(c.report.Detection)
	for _, call := range c.Calls {
		c.report.Slowest = max(c.report.Slowest, call.Slowest)
	}
}

// delays measures how late a reader was granted and shown things.
func (c *check) delays(v *View) {
	var granted time.Time
	for i, s := range v.Sights {
		switch {
		case s.Kind == Subscribed:
			granted = s.Time
			c.report.Granted = append(c.report.Granted, c.unhurt(s.Asked, granted))
		case s.Kind == GapTold && s.Gap != nil && s.Gap.Reset:
			granted = s.Time // all is shown again
		}
		appended, known := c.times[place{v.Channel, s.At}]
		replayed := appended.Before(granted) && i > 0 && v.Sights[i-1].Kind == Entry
		if s.Kind != Entry || !known || replayed {
			continue
		}
		c.windows.delivered(later(appended, granted), s.Time)
		late := c.unhurt(later(appended, granted), s.Time)
		c.report.Delay = append(c.report.Delay, late)
		if late > c.latest {
			c.latest = late
			c.report.Latest = fmt.Sprintf("%s, subscribed at %s, an entry of %s:\n    %s", v.where(),
				clock(granted), clock(appended), strings.Join(v.trace(i), "\n    "))
		}
	}
}

// unhurt is the time from a to b without that of faults.
func (c *check) unhurt(a, b time.Time) time.Duration {
	sum := b.Sub(a)
	for _, f := range c.Faults {
		sum -= max(0, earlier(b, f.Over).Sub(later(a, f.Begun)))
	}
	return max(0, sum)
}

// detections measures, for each fault, from its end or from when the reader was
// there again.
func (c *check) detections(v *View) (all Times) {
	for i, f := range c.Faults {
		next := time.Time{}
		if i+1 < len(c.Faults) {
			next = c.Faults[i+1].Begun
		}
		if took, ok := c.detection(v, f.Over, next); ok {
			all = append(all, took)
			row := c.windows.at(f.Begun)
			row.Detection = append(row.Detection, took)
		}
	}
	return all
}

// detection is the time to the first entry or gap from over on, or from when the entry was
// appended. What is not seen before the next fault counts for that one.
func (c *check) detection(v *View, over, next time.Time) (time.Duration, bool) {
	from, away := over, false
	for _, s := range v.Sights {
		switch {
		case s.Kind == Cut:
			away = true
		case s.Kind == Subscribed:
			away, from = false, later(from, s.Time)
		case away, s.Time.Before(over), s.Kind != Entry && s.Kind != GapTold:
		case !next.IsZero() && s.Time.After(next):
			return 0, false
		default:
			appended := c.times[place{v.Channel, s.At}] // the zero time if it is none of an entry
			return max(0, s.Time.Sub(later(from, appended))), true
		}
	}
	return 0, false
}

// returns measures how long a reader that was cut off was away.
func (c *check) returns(v *View) {
	var cut time.Time
	for _, s := range v.Sights {
		switch {
		case s.Kind == Cut && !s.Own && cut.IsZero():
			cut = s.Time
		case s.Kind == Subscribed && !cut.IsZero():
			c.windows.at(cut).cameBack(v, cut, s.Time)
			cut = time.Time{}
		}
	}
}

func (r *FaultRow) cameBack(v *View, cut, back time.Time) {
	took := back.Sub(cut)
	if took > r.longest {
		r.longest = took
		r.Slowest = fmt.Sprintf("%s, from %s to %s", v.where(), clock(cut), clock(back))
	}
	r.Back = append(r.Back, took)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// clock is for traces.
func clock(t time.Time) string { return t.Format("04:05.000") }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// appendedAt is when Redis took the entry.
func appendedAt(l *protocol.Link) time.Time { return time.UnixMilli(l.Time) }
