package checker

import (
	"fmt"
	"time"

	"buildrelay/protocol"
)

// Check judges a run.
func Check(h History) *Report {
	c := &check{
		History: h,
		report:  &Report{},
		calls:   make(map[string]*Call),
		said:    make(map[place]string),
		times:   make(map[place]time.Time),
		logs:    make(map[string]*Log),
		stands:  make(map[place]bool),
		prevs:   make(map[place]protocol.ID),
		digests: make(map[place]string),
		ofLog:   make(map[string][]*Call),
		windows: newWindows(h.Faults),
	}
	c.readCalls()
	for i := range c.Logs {
		c.readLog(&c.Logs[i])
	}
	c.checkCalls()
	for i := range c.Views {
		c.walk(&c.Views[i])
	}
	c.measure()
	c.report.Faults = c.windows.sorted()
	return c.report
}

// check is a run of Check.
type check struct {
	History
	report *Report
	calls  map[string]*Call   // by their line
	ofLog  map[string][]*Call // by their channel
	logs   map[string]*Log    // by their channel
	// What was said first about a place: what stands there, and when Redis took it.
	said  map[place]string
	times map[place]time.Time
	// stands says what the logs hold, prevs what stands before each.
	stands map[place]bool
	prevs  map[place]protocol.ID
	// digests are the chain's, of the logs that are whole.
	digests map[place]string
	// latest is the longest delay so far.
	latest  time.Duration
	windows *windows
}

// place is a position in a channel's log.
type place struct {
	channel string
	at      protocol.Position
}

func (c *check) violation(v Violation) {
	v.Count = max(1, v.Count)
	c.report.Violations = append(c.report.Violations, v)
	c.windows.at(v.When).Wrong[v.Wrong] += v.Count
}

// agree takes what somebody says to stand at a place.
func (c *check) agree(where, channel string, at protocol.Position, data string, when time.Time, trace func() []string) {
	p := place{channel, at}
	before, found := c.said[p]
	switch {
	case !found:
		c.said[p] = data
	case before != data:
		c.violation(Violation{
			Wrong: Disagreed, Where: where, When: when,
			What: fmt.Sprintf("at %s stands %.80q, elsewhere %.80q", at, data, before), Trace: trace(),
		})
	}
}

// written says whether a writer wrote the data to the channel.
func (c *check) written(channel, data string) bool {
	l, err := ParseLine(data)
	return err == nil && l.Channel == channel && c.calls[data] != nil
}

// readCalls takes the writers' word.
func (c *check) readCalls() {
	for i := range c.Calls {
		call := &c.Calls[i]
		line := call.Line.String()
		c.calls[line] = call
		c.ofLog[call.Line.Channel] = append(c.ofLog[call.Line.Channel], call)
		if call.Outcome == OK {
			c.report.Written++
			c.agree(call.Line.Channel+", its writers", call.Line.Channel, call.At, line, call.Ended, func() []string { return nil })
		}
	}
}

// checkCalls looks for what was acknowledged in the logs.
func (c *check) checkCalls() {
	type key struct{ channel, writer, epoch string }
	last := make(map[key]*Call)
	for i := range c.Calls {
		call := &c.Calls[i]
		channel, line := call.Line.Channel, call.Line.String()
		where := fmt.Sprintf("%s, writer %s", channel, call.Line.Writer)
		if call.Outcome != OK {
			continue
		}
		if c.lost(call) {
			c.violation(Violation{
				Wrong: Lost, Where: where, When: call.Ended, What: fmt.Sprintf("%s was acknowledged at %s", brief(line), call.At),
			})
		}
		k := key{channel, call.Line.Writer, call.At.Epoch}
		if before := last[k]; before != nil && !c.Rewinds && (before.Line.Seq < call.Line.Seq) != (before.At.ID.Offset < call.At.ID.Offset) {
			c.violation(Violation{
				Wrong: Swapped, Where: where, When: call.Ended,
				What: fmt.Sprintf("%s stands at %s, %s at %s", brief(before.Line.String()), before.At, brief(line), call.At),
			})
		}
		last[k] = call
	}
}

// lost says that what was acknowledged is missing without a reason.
func (c *check) lost(call *Call) bool {
	l, at := c.logs[call.Line.Channel], call.At
	switch {
	case l == nil || at.Epoch != l.Top.Epoch:
		return !c.Renews // which takes the whole log along
	case at.ID.Offset < l.oldest(), c.stands[place{l.Channel, at}]:
		return false
	}
	return !c.Rewinds || call.Ended.After(c.Faults[len(c.Faults)-1].Over)
}
