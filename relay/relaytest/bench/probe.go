package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

// probeCommand makes this program a log's only reader, in a process of its own:
// in the one with thousands of other readers it would wait for them.
const probeCommand = "probe"

// probeJob is what the probe is told, as JSON in its second argument.
type probeJob struct {
	Subject       string
	Naive         bool
	Server, Redis string // addresses
	Span          time.Duration
	CertFile      string // that the server has; empty without TLS
}

// runProbe publishes on a log, reads it, and writes how long every event took, in
// nanoseconds, as JSON.
func runProbe(ctx context.Context, args []string, w io.Writer) error {
	var job probeJob
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &job) != nil {
		return errors.New("the probe is started by bench itself")
	}
	srv := &server{
		process: &process{pid: os.Getpid()}, // its CPU time is of no interest here
		subject: subject{name: job.Subject, naive: job.Naive},
		address: job.Server,
	}
	if job.CertFile != "" {
		pem, err := os.ReadFile(job.CertFile)
		if err != nil {
			return fmt.Errorf("reading the certificate: %w", err)
		}
		srv.tls = trusting(pem)
	}
	store := &redisServer{address: job.Redis, client: redis.NewClient(&redis.Options{Addr: job.Redis, MaxRetries: -1})}
	defer store.client.Close()
	f := newFleet(srv, []string{"log"}, 1, 0)
	defer f.close()
	if err := f.connect(ctx); err != nil {
		return err
	}
	f.startReading()
	if _, err := f.measure(ctx, store, bursts(1, probePause), job.Span); err != nil {
		return err
	}
	f.close()
	if err := json.NewEncoder(w).Encode(f.collect()); err != nil {
		return fmt.Errorf("telling what was seen: %w", err)
	}
	return nil
}
