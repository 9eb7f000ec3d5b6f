package main

import (
	"context"
	"time"
)

// benchCase is one row of the table.
type benchCase struct {
	name, title string
	tls         bool
	channels    int
	readersEach int
	inFlight    int  // messages on their way per channel; 0 for a load that does not wait
	load        load // nil: nothing is published, memory is measured
	spans       int  // how many times as long as the others it is looked at; 0 is once
}

func cases() []benchCase {
	return []benchCase{
		{name: "flat", title: "1000 readers × 100 B, flat out", channels: 1, readersEach: 1000, inFlight: 64, load: flatOut},
		{name: "flat-tls", title: "the same over TLS", tls: true, channels: 1, readersEach: 1000, inFlight: 64, load: flatOut},
		{name: "calm", title: "1000 readers at 20/s", channels: 1, readersEach: 1000, load: bursts(1, time.Second/20)},
		{name: "bursts", title: "500 channels × 2 readers, 500 bursts of 10 a second", channels: 500, readersEach: 2, load: bursts(10, time.Second/500)},
		{name: "idle", title: "5000 idle connections", channels: 1, readersEach: 5000},
		{name: "idle-tls", title: "5000 idle connections over TLS", tls: true, channels: 1, readersEach: 5000},
	}
}

// run measures the case once, with a fresh server.
func (c benchCase) run(ctx context.Context, s subject, b *bench) (sample, error) {
	srv, err := s.start(ctx, b.dir, b.redis.url(), b.certsFor(c.tls))
	if err != nil {
		return sample{}, err
	}
	defer srv.stop()
	f := newFleet(srv, channelNames(c.channels), c.readersEach, c.inFlight)
	defer f.close()
	if c.load == nil {
		return f.measureIdle(ctx)
	}
	if err := f.connect(ctx); err != nil {
		return sample{}, err
	}
	f.startReading()
	result, err := f.measure(ctx, b.redis, c.load, time.Duration(max(1, c.spans))*b.span)
	f.close()
	if c.inFlight == 0 {
		result.took = f.collect()
	}
	return result, err
}

// measureIdle connects the readers and measures the memory that each takes.
func (f *fleet) measureIdle(ctx context.Context) (s sample, err error) {
	before, err := f.server.settledRSS(ctx)
	if err != nil {
		return s, err
	}
	if err := f.connect(ctx); err != nil {
		return s, err
	}
	after, err := f.server.settledRSS(ctx)
	s.kib = float64(after-before) / float64(len(f.readers))
	return s, err
}
