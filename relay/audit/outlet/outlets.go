package outlet

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"sync"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// Config is what Outlets need. All fields are required, Stdout only for such a target.
type Config struct {
	Source  Source
	Chain   string
	Targets []Target
	Stdout  io.Writer
	Key     audit.Key
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Outlets carry one chain to all targets.
type Outlets struct {
	// Static.
	config Config
	times  times
	roots  *x509.CertPool // nil: the system's
	wakes  []chan struct{}

	// Owned by whoever has its lock.
	lags *lags
}

// New returns outlets that do nothing until Run is called.
func New(config Config) *Outlets {
	o := &Outlets{config: config, times: usual(), lags: newLags(config.Metrics, config.Targets)}
	for range config.Targets {
		o.wakes = append(o.wakes, make(chan struct{}, 1))
	}
	return o
}

// Run carries records until ctx ends, and then, for five seconds at the most, what was
// committed until then. It must be called once, and while it runs the source must stay open.
func (o *Outlets) Run(ctx context.Context) {
	// What is on its way when ctx ends is not cut off.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var loops sync.WaitGroup
	for i := range o.config.Targets {
		loops.Go(func() { newLoop(o, i).run(ctx, work) })
	}
	<-ctx.Done()
	late := time.AfterFunc(o.times.flush, end)
	defer late.Stop()
	loops.Wait()
}

// Wake tells that something was committed. It never blocks.
func (o *Outlets) Wake() {
	for _, wake := range o.wakes {
		select {
		case wake <- struct{}{}:
		default: // it knows
		}
	}
}
