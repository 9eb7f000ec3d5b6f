package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	crowd      = 5000
	crowdPause = time.Second / 20
	probePause = time.Second / 60
	probeSpans = 4 // how many times as long as another measurement: p99 wants hundreds of events
)

// measureFairness prints how long events of a log with one reader take while the
// crowd's channel is quiet, and while it is not.
func (b *bench) measureFairness(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| a log with 1 reader, at 60/s | server | p50 ms | p99 ms | longest ms |\n|---|---|---|---|---|\n")
	for _, s := range b.subjects {
		if err := b.measureFairnessOf(ctx, s, w); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) measureFairnessOf(ctx context.Context, s subject, w io.Writer) error {
	srv, err := s.start(ctx, b.dir, b.redis.url(), nil)
	if err != nil {
		return err
	}
	defer srv.stop()
	f := newFleet(srv, []string{"status"}, crowd, 0)
	defer f.close()
	if err := f.connect(ctx); err != nil {
		return err
	}
	f.startReading()
	if err := b.probe(ctx, srv, w, fmt.Sprintf("%d readers elsewhere, quiet", crowd)); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var publishing errgroup.Group
	publishing.Go(func() error { return bursts(1, crowdPause)(ctx, f, b.redis) })
	err = wait(ctx, warmUp)
	if err == nil {
		err = b.probe(ctx, srv, w, fmt.Sprintf("%d readers elsewhere, at 20/s", crowd))
	}
	stop()
	_ = publishing.Wait() // it ends because it was stopped
	if lost := f.lost.Load(); lost > 0 && err == nil {
		err = fmt.Errorf("%d of %d readers were cut off", lost, crowd)
	}
	return err
}

// probe starts the log's reader and prints what it saw.
func (b *bench) probe(ctx context.Context, srv *server, w io.Writer, title string) error {
	took, err := b.watch(ctx, srv, probeSpans*b.span)
	if err != nil {
		return err
	}
	ms := func(p float64) float64 { return milliseconds(percentile(took, p)) }
	fmt.Fprintf(w, "| %s | %s | %.1f | %.1f | %.1f |\n", title, srv.subject.name, ms(0.5), ms(0.99), ms(1))
	return nil
}

// watch lets the probe read for a while, and returns how long events took.
func (b *bench) watch(ctx context.Context, srv *server, span time.Duration) (took []time.Duration, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	asked := probeJob{Subject: srv.subject.name, Naive: srv.subject.naive, Server: srv.address, Redis: b.redis.address, Span: span}
	if srv.tls != nil {
		asked.CertFile = b.certs.certFile
	}
	job, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("telling the probe: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, probeCommand, string(job))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("probing: %w", err)
	}
	if err := json.Unmarshal(out.Bytes(), &took); err != nil {
		return nil, fmt.Errorf("reading what the probe saw: %w", err)
	}
	return took, nil
}
