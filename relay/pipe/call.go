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
	callLimit  = 10 * time.Second // for one call
	firstDelay = 100 * time.Millisecond
	lastDelay  = 5 * time.Second
)

// deliver calls the publisher until it succeeds, or answers that trying again is of
// no use, or ctx has ended. Then the error is the last that says more than that.
func (d *delivery) deliver(ctx context.Context, events []protocol.Event) (protocol.Receipt, error) {
	var last error
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		receipt, err := d.call(ctx, events)
		switch {
		case err == nil:
			d.back()
			return receipt, nil
		case errors.Is(err, protocol.ErrLogGone):
			return receipt, err
		case errors.Is(err, protocol.ErrLogClosed):
			d.c.Log.Error("somebody else has closed the log of this build, nothing more of it is published", slog.Any("error", err))
			return receipt, err
		case errors.Is(err, ErrRefused), errors.As(err, new(*protocol.Error)):
			d.c.Log.Error("publishing refused, nothing more of this build is published", slog.Any("error", err))
			return receipt, err
		case ctx.Err() != nil:
			return receipt, cmp.Or(last, context.Cause(ctx))
		}
		last = err
		d.left(err)
		sleep(ctx, delay/2+rand.N(delay/2))
	}
}

func (d *delivery) call(ctx context.Context, events []protocol.Event) (protocol.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return d.c.Publisher.Publish(ctx, d.c.AppID, events)
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
		_, _, dropped := d.out.totals()
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
