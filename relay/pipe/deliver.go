package pipe

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"buildrelay/protocol"
)

// maxEvents is how many events go in one call, when behind.
const maxEvents = protocol.MaxBatch

// delivery publishes the records of one build, one call after the other, and
// numbers the output as it goes: what the outbox had to drop leaves no hole.
type delivery struct {
	// Static.
	c    Config
	out  *outbox
	pace func(time.Duration) // is told how long output may wait for more
	// more holds one signal, sent when more of the output is published than ever before.
	more chan struct{}

	// Owned by run; others may touch it after run has returned.

	log  life
	most int64 // bytes of output in any of the build's logs
	away bool  // the last call failed
	err  error // why nothing more is published
}

func newDelivery(c Config, out *outbox, pace func(time.Duration)) *delivery {
	return &delivery{c: c, out: out, pace: pace, more: make(chan struct{}, 1), log: life{run: rand.Text(), live: c.NoLog}}
}

// run publishes until the outbox is closed and empty, and then the end, which is
// set before the outbox is closed. When Redis loses the log, what is kept of the
// build is published again from the start. It stops when ctx ends, or when the relay
// refuses.
func (d *delivery) run(ctx context.Context, started Started, end *Finished) {
	for {
		d.err = d.publishAll(ctx, started, end)
		if !errors.Is(d.err, protocol.ErrLogGone) || ctx.Err() != nil {
			return
		}
		d.c.Log.Warn("the log of this build is gone from Redis, what is kept of it is published again")
		sleep(ctx, d.log.pause())
		d.out.rewind()
		d.log = life{run: d.log.run, number: d.log.number + 1}
	}
}

// publishAll publishes the build in one log.
func (d *delivery) publishAll(ctx context.Context, started Started, end *Finished) error {
	err := d.publish(ctx, started)
	for err == nil {
		outputs := d.out.take(maxEvents)
		if len(outputs) == 0 {
			return d.publish(ctx, d.finished(*end))
		}
		err = d.publish(ctx, d.log.numbered(outputs)...)
	}
	return err
}

func (d *delivery) finished(end Finished) Finished {
	end.Seq = d.log.seq
	end.Bytes, end.Lines, end.Lost = d.out.totals()
	return end
}

// publish delivers records.
func (d *delivery) publish(ctx context.Context, records ...Record) error {
	events := make([]protocol.Event, len(records))
	size := int64(0)
	for i, r := range records {
		var err error
		if events[i], err = d.log.event(d.c.Channel, r); err != nil {
			return err
		}
		if o, ok := r.(Output); ok {
			size += int64(len(o.Text) + len(o.Base64))
		}
	}
	receipt, err := d.deliver(ctx, events)
	if err != nil {
		return err
	}
	d.log.done += size
	if d.log.done > d.most {
		d.most = d.log.done
		d.tellMore()
	}
	d.note(receipt)
	return nil
}

func (d *delivery) tellMore() {
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// watch gives up when the publisher takes nothing more for FlushWait. A publisher that is
// slow has its time, as a log without its end is worth little; what is kept bounds it. It
// returns when published is closed, or after giving up.
func (d *delivery) watch(published <-chan struct{}, giveUp context.CancelCauseFunc) {
	silence := time.NewTimer(d.c.FlushWait)
	defer silence.Stop()
	for {
		select {
		case <-published:
			return
		case <-d.more:
			silence.Reset(d.c.FlushWait)
		case <-silence.C:
			giveUp(errSilent)
			return
		}
	}
}

// note learns from a receipt which log it is and whether anybody watches.
func (d *delivery) note(r protocol.Receipt) {
	if !d.log.advance(r.Positions) {
		d.c.Log.Error("Redis has gone back to an older state of this build's log, events that it had taken are missing from it")
	}
	switch {
	case d.log.epoch == "":
		d.out.forget()
		d.pace(d.c.liveInterval())
	case r.Watched:
		d.pace(d.c.watchedInterval())
	default:
		d.pace(d.c.idleInterval())
	}
}

// unpublished returns an error unless everything was published.
func (d *delivery) unpublished() error {
	total, _, _ := d.out.totals()
	if total == d.log.done && d.err == nil {
		return nil
	}
	return &Unpublished{Bytes: total - d.log.done, Total: total, Err: d.err}
}
