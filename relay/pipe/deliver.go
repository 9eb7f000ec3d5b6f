package pipe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"buildrelay/protocol"
)

// How delivery treats a publisher.
const (
	maxEvents  = protocol.MaxBatch // in one call, when behind
	callLimit  = 10 * time.Second  // for one call
	firstDelay = 100 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// delivery publishes the records of one build, one call after the other, and
// numbers the output as it goes: what the outbox had to drop leaves no hole.
// Only the goroutine in run touches it, others after run has returned.
type delivery struct {
	c   Config
	out *outbox

	seq  int64
	away bool  // the last call failed
	done int64 // bytes of output that were published
	err  error // why nothing more is published
}

// run publishes until the outbox is closed and empty, and then the end, which is
// set before the outbox is closed. When ctx ends, or the relay refuses, the rest
// is only observed.
func (d *delivery) run(ctx context.Context, started Started, end *Finished) {
	d.publish(ctx, started)
	for {
		outputs := d.out.take(maxEvents)
		if len(outputs) == 0 {
			break
		}
		d.publish(ctx, d.number(outputs)...)
	}
	finished := *end
	finished.Seq = d.seq
	finished.Bytes, finished.Lost = d.out.totals()
	d.publish(ctx, finished)
}

func (d *delivery) number(outputs []Output) []Record {
	records := make([]Record, len(outputs))
	for i, o := range outputs {
		d.seq++
		o.Seq = d.seq
		records[i] = o
	}
	return records
}

// publish shows records to the observer and delivers them.
func (d *delivery) publish(ctx context.Context, records ...Record) {
	events := make([]protocol.Event, len(records))
	size := int64(0)
	for i, r := range records {
		d.c.Observe(r)
		data, err := encode(r)
		if err != nil && d.err == nil {
			d.err = err
		}
		events[i] = protocol.Event{Name: r.Event(), Channel: d.c.Channel, Data: data}
		if o, ok := r.(Output); ok {
			size += int64(len(o.Bytes()))
		}
	}
	if d.err != nil {
		return
	}
	if d.err = d.deliver(ctx, events); d.err == nil {
		d.done += size
	}
}

// deliver calls the publisher until it succeeds, refuses, or ctx has ended. Then
// the error is the last that says more than that.
func (d *delivery) deliver(ctx context.Context, events []protocol.Event) error {
	var last error
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		err := d.call(ctx, events)
		switch {
		case err == nil:
			d.back()
			return nil
		case errors.Is(err, ErrRefused):
			d.c.Log.Error("publishing refused, nothing more of this build is published", slog.Any("error", err))
			return err
		case ctx.Err() != nil:
			return cmp.Or(last, context.Cause(ctx))
		}
		last = err
		d.left(err)
		sleep(ctx, delay/2+rand.N(delay/2))
	}
}

func (d *delivery) call(ctx context.Context, events []protocol.Event) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_, err := d.c.Publisher.Publish(ctx, d.c.AppID, events)
	return err
}

// left says once that the publisher is away.
func (d *delivery) left(err error) {
	if !d.away {
		d.c.Log.Warn("publishing failed, output is kept until it works again",
			slog.Any("error", err), slog.Int("bytes", d.c.Buffer))
	}
	d.away = true
}

// back says once that it is back.
func (d *delivery) back() {
	if d.away {
		_, dropped := d.out.totals()
		d.c.Log.Info("publishing works again", slog.Int64("lost_bytes", dropped))
	}
	d.away = false
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
