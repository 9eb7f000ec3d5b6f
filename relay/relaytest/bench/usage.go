package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// usage is what a server and Redis have used since they started, or in a while.
type usage struct {
	at            time.Time
	span          time.Duration // of the while
	cpu, redisCPU time.Duration
	grown         int // KiB that the server held at its worst, beyond what it held before
	logReads      int // by the server
	counters          // of Redis
}

// observe runs something and returns what was used meanwhile.
func (b *bench) observe(ctx context.Context, srv *server, run func(ctx context.Context) error) (u usage, err error) {
	rss, err := srv.rss()
	if err != nil {
		return u, err
	}
	before, err := srv.used(ctx, b.redis)
	if err != nil {
		return u, err
	}
	if err := run(ctx); err != nil {
		return u, err
	}
	after, err := srv.used(ctx, b.redis)
	if err != nil {
		return u, err
	}
	peak, err := srv.peakRSS()
	return usage{
		span:     after.at.Sub(before.at),
		cpu:      after.cpu - before.cpu,
		redisCPU: after.redisCPU - before.redisCPU,
		grown:    peak - rss,
		logReads: after.logReads - before.logReads,
		counters: counters{
			commands: after.commands - before.commands,
			scripts:  after.scripts - before.scripts,
			reads:    after.reads - before.reads,
		},
	}, err
}

// during is the usage of as long a time, if all goes on like that.
func (u usage) during(span time.Duration) usage {
	times := span.Seconds() / u.span.Seconds()
	return usage{
		span:     span,
		cpu:      time.Duration(times * float64(u.cpu)),
		redisCPU: time.Duration(times * float64(u.redisCPU)),
		counters: counters{
			commands: int(times * float64(u.commands)),
			scripts:  int(times * float64(u.scripts)),
			reads:    int(times * float64(u.reads)),
		},
	}
}

// beyond is the usage without what is used anyway, as in a while of quiet.
func (u usage) beyond(quiet usage) usage {
	quiet = quiet.during(u.span)
	u.cpu -= quiet.cpu
	u.redisCPU -= quiet.redisCPU
	u.commands -= quiet.commands
	u.scripts -= quiet.scripts
	u.reads -= quiet.reads
	return u
}

// used is what was used so far.
func (s *server) used(ctx context.Context, redis *redisServer) (u usage, err error) {
	u.at = time.Now()
	if u.cpu, err = s.cpu(); err != nil {
		return u, err
	}
	if u.redisCPU, err = redis.cpu(); err != nil {
		return u, err
	}
	if u.counters, err = redis.counters(ctx); err != nil {
		return u, err
	}
	u.logReads, err = s.logReads(ctx)
	return u, err
}

// logReads is how often the server has read a log; 0 for one without metrics.
func (s *server) logReads(ctx context.Context) (int, error) {
	return s.metric(ctx, "buildrelay_log_reads_total")
}

// heap is how many bytes the server's heap and stacks take, garbage included; 0 for one
// without metrics.
func (s *server) heap(ctx context.Context) (int, error) {
	heap, err := s.metric(ctx, "go_memstats_heap_inuse_bytes")
	if err != nil {
		return 0, err
	}
	stacks, err := s.metric(ctx, "go_memstats_stack_inuse_bytes")
	return heap + stacks, err
}

// metric is a number that the server tells in its metrics, without labels; 0 for one
// without metrics.
func (s *server) metric(ctx context.Context, name string) (int, error) {
	if s.metrics == "" {
		return 0, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.metrics+"/metrics", http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("asking for metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking for metrics: %w", err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			return int(value), err
		}
	}
	return 0, fmt.Errorf("the metrics of %s do not have %s", s.subject.name, name)
}
