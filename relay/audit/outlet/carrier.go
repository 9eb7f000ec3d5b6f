package outlet

import (
	"context"

	"buildrelay/relay/audit"
)

// carrier brings things to a target. A loop alone calls it.
type carrier interface {
	// send sends records, in order. None: it looks whether the target can be reached.
	send(ctx context.Context, records []audit.Stored) error
	// head sends a head. It is settled as records are.
	head(ctx context.Context, head audit.Head) error
	// settle returns nil when all that was sent since it was called last is there.
	settle(ctx context.Context) error
	// drop forgets what was sent and is not settled: it will be sent again.
	drop()
}

func (o *Outlets) carrier(t Target) carrier {
	switch t.Kind {
	case kindS3:
		return newBucket(t, o.config.Chain, o.times, o.roots)
	case kindSyslogUDP:
		return &datagrams{host: t.Host, times: o.times}
	case kindSyslogTCP, kindSyslogTLS:
		return &stream{dialer: newDialer(t, o.roots), times: o.times}
	}
	return &lines{out: o.config.Stdout, times: o.times}
}
