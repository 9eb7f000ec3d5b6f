package outlet

import (
	"context"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// loop carries the chain to one target.
type loop struct {
	// Static.
	times   times
	measure measure
	source  reader
	carrier carrier
	key     audit.Key
	kind    string
	metrics *metrics.Metrics
	lag     func(behind int64)
	wake    <-chan struct{}

	// Owned by run.
	notices notices
	begun   bool
	tries   int        // that failed, one after the other
	have    audit.Link // the last record that is settled; without a MAC if that is not known
	sent    audit.Link // the last one that was sent, as have
	turn    turn
	proved  audit.Head // the last one that is settled
}

// turn is what was sent and is not settled.
type turn struct {
	began          time.Time
	records, bytes int
}

func newLoop(o *Outlets, index int) *loop {
	config, target := o.config, o.config.Targets[index]
	return &loop{
		times: o.times, measure: o.times.measure(target.Kind),
		source:  reader{config.Source, target.cursor(), config.Chain, o.times.answer},
		carrier: o.carrier(target),
		key:     config.Key, kind: target.Kind, metrics: config.Metrics,
		lag:     func(behind int64) { o.lags.set(index, behind) },
		wake:    o.wakes[index],
		notices: newNotices(config.Log, target),
	}
}

// run carries until ctx ends, and then what is left until work does.
func (l *loop) run(ctx, work context.Context) {
	defer l.carrier.drop()
	for ctx.Err() == nil {
		more, err := l.step(work)
		switch {
		case err != nil:
			l.fail(work, err)
			sleep(ctx, nil, l.times.pause(l.tries))
		case !more:
			sleep(ctx, l.wake, l.patience())
		}
	}
	l.finish(work)
}

// step sends what comes next and settles what is due. more says that there may be more to
// send at once.
func (l *loop) step(ctx context.Context) (more bool, err error) {
	if !l.begun {
		if err := l.begin(ctx); err != nil {
			return false, err
		}
	}
	if more, err = l.forward(ctx); err != nil {
		return false, err
	}
	if l.due(more) {
		if err := l.settle(ctx); err != nil {
			return false, err
		}
	}
	if l.turn.records > 0 {
		return more, nil
	}
	l.well()
	if time.Since(l.proved.At) < l.times.head {
		return more, nil
	}
	return more, l.prove(ctx)
}

// begin finds out how far the target is and whether it can be reached.
func (l *loop) begin(ctx context.Context) (err error) {
	if l.have, err = l.source.settled(ctx); err != nil {
		return err
	}
	if last, ok := l.look(ctx); ok && last.Seq < l.have.Seq {
		l.notices.shortened(l.have.Seq, last.Seq)
		l.have = last
	}
	l.sent = l.have
	if err := l.carrier.send(ctx, nil); err != nil {
		return err
	}
	if err := l.carrier.settle(ctx); err != nil {
		return err
	}
	l.begun = true
	return nil
}

// forward sends a page of what the target does not have.
func (l *loop) forward(ctx context.Context) (more bool, err error) {
	n := min(mostRead, l.measure.records-l.turn.records)
	page, err := l.source.page(ctx, l.sent.Seq, n)
	if err != nil {
		return false, err
	}
	if len(page) == 0 {
		if last, ok := l.look(ctx); ok && last.Seq < l.sent.Seq {
			l.begun = false
			return false, sourceError{errShorter}
		}
		return false, nil
	}
	if first := page[0].Seq; l.sent.Seq > 0 && first > l.sent.Seq+1 {
		l.notices.purged(l.sent.Seq+1, first-1)
	}
	if l.turn.records == 0 {
		l.turn.began = time.Now()
	}
	l.turn.records += len(page)
	for _, s := range page {
		l.turn.bytes += len(s.Line)
	}
	if err := l.carrier.send(ctx, page); err != nil {
		return false, err
	}
	last := page[len(page)-1]
	l.sent = audit.Link{Chain: last.Chain, Seq: last.Seq, MAC: last.MAC}
	return len(page) == n, nil
}

// due reports whether the turn is to be settled now. After a failure it does not wait for more.
func (l *loop) due(more bool) bool {
	switch {
	case l.turn.records == 0:
		return false
	case l.turn.records >= l.measure.records, l.turn.bytes >= l.measure.bytes, l.tries > 0 && !more:
		return true
	}
	return time.Since(l.turn.began) >= l.measure.lasts
}

// settle ends the turn and moves the cursor.
func (l *loop) settle(ctx context.Context) error {
	if err := l.carrier.settle(ctx); err != nil {
		return err
	}
	if err := l.source.move(ctx, l.sent.Seq); err != nil {
		return err
	}
	l.metrics.AuditDelivered.WithLabelValues(l.kind).Add(float64(l.turn.records))
	l.have, l.turn = l.sent, turn{}
	l.look(ctx)
	return nil
}

// prove sends a head of what the target has, if that is known. Nothing may be unsettled.
func (l *loop) prove(ctx context.Context) error {
	if l.have.MAC == nil {
		return nil
	}
	head := l.key.Sign(l.have, time.Now())
	if err := l.carrier.head(ctx, head); err != nil {
		return err
	}
	if err := l.carrier.settle(ctx); err != nil {
		return err
	}
	l.proved = head
	return nil
}

// well notes that nothing is owed.
func (l *loop) well() {
	l.tries = 0
	l.notices.well()
}

// fail goes back to what is settled.
func (l *loop) fail(ctx context.Context, err error) {
	l.tries++
	l.carrier.drop()
	l.sent, l.turn = l.have, turn{}
	l.metrics.AuditOutletFailed.WithLabelValues(l.kind).Inc()
	l.notices.failed(err)
	l.look(ctx)
}

// look finds the end of the chain and counts what the target does not have. A source that does
// not answer says so elsewhere.
func (l *loop) look(ctx context.Context) (last audit.Link, ok bool) {
	if last, ok = l.source.last(ctx); ok {
		l.lag(last.Seq - l.have.Seq)
	}
	return last, ok
}

// patience is for how long nothing is due, unless something is committed.
func (l *loop) patience() time.Duration {
	switch {
	case l.turn.records > 0:
		return l.measure.lasts - time.Since(l.turn.began)
	case l.have.MAC != nil:
		return min(l.times.idle, l.times.head-time.Since(l.proved.At))
	}
	return l.times.idle
}

// sleep waits for a wake, which may be nil, the time, or the end of ctx.
func sleep(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}
