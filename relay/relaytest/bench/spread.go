package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	spreadNodes    = 3
	spreadChannels = 20
	spreadReaders  = 60 // of each channel, on all nodes together
	spreadSpans    = 6  // how many times as long as another measurement: little is Redis'
	spreadBurst    = 5
	spreadPause    = time.Second / 100
)

// spread is what nodes used, all together, while readers read who were spread over them.
type spread struct {
	sample
	published int
	redisCPU  time.Duration
}

// measureNodes prints what the same readers of the same channels cost on one node and on more.
// Each node hears each channel.
func (b *bench) measureNodes(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "\n| %d channels × %d readers, %d events a second | server | CPU µs per delivery, all nodes | Redis CPU µs per publish | deliveries/s | p50 ms | p99 ms |\n",
		spreadChannels, spreadReaders, spreadBurst*time.Second/spreadPause)
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, s := range b.relays("") {
		counts := make([]int, spreadNodes)
		for i := range counts {
			counts[i] = i + 1
		}
		results, err := inTurn(b.rounds, counts, func(nodes, round int) (spread, error) {
			b.progress(fmt.Sprintf("nodes: %d", nodes), s, round, b.rounds)
			return b.spread(ctx, s, nodes)
		})
		if err != nil {
			return err
		}
		for i, nodes := range counts {
			of := func(value func(spread) float64) float64 { return median(results[i], value) }
			fmt.Fprintf(w, "| nodes: %d | %s | %.2f | %.1f | %.0f | %.1f | %.1f |\n", nodes, s.name,
				of(func(s spread) float64 { return float64(s.cpu.Nanoseconds()) / 1000 / float64(s.deliveries) }),
				of(func(s spread) float64 { return float64(s.redisCPU.Nanoseconds()) / 1000 / float64(s.published) }),
				of(func(s spread) float64 { return float64(s.deliveries) / s.span.Seconds() }),
				of(func(s spread) float64 { return milliseconds(percentile(s.took, 0.5)) }),
				of(func(s spread) float64 { return milliseconds(percentile(s.took, 0.99)) }))
		}
	}
	return nil
}

func (b *bench) spread(ctx context.Context, s subject, nodes int) (result spread, err error) {
	servers := make([]*server, nodes)
	for i := range servers {
		if servers[i], err = s.start(ctx, b.dir, b.redis.url(), nil); err != nil {
			return result, err
		}
		defer servers[i].stop()
	}
	f := newFleet(servers[0], channelNames(spreadChannels), spreadReaders, 0)
	defer f.close()
	if err := f.connectTo(ctx, servers); err != nil {
		return result, err
	}
	f.startReading()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	var running errgroup.Group
	running.Go(func() error { return bursts(spreadBurst, spreadPause)(loading, f, b.redis) })
	if err = wait(ctx, warmUp); err == nil {
		result, err = b.lookAtAll(ctx, f, servers)
	}
	stop()
	if failed := running.Wait(); failed != nil && !errors.Is(failed, context.Canceled) {
		return result, failed
	}
	if lost := f.lost.Load(); lost > 0 && err == nil {
		err = fmt.Errorf("%d readers were cut off", lost)
	}
	f.close()
	result.took = f.collect()
	return result, err
}

// connectTo connects the readers of each channel to the servers in turn.
func (f *fleet) connectTo(ctx context.Context, servers []*server) error {
	const atOnce = 32
	dialing, ctx := errgroup.WithContext(ctx)
	dialing.SetLimit(atOnce)
	for i, r := range f.readers {
		dialing.Go(func() error { return r.dial(ctx, servers[i%len(servers)]) })
	}
	return dialing.Wait()
}

// lookAtAll is look for several servers, and for Redis.
func (b *bench) lookAtAll(ctx context.Context, f *fleet, servers []*server) (s spread, err error) {
	beforeCPU, err := cpuOf(servers)
	if err != nil {
		return s, err
	}
	beforeRedis, err := b.redis.busy(ctx)
	if err != nil {
		return s, err
	}
	beforePublished, err := b.redis.published(ctx)
	if err != nil {
		return s, err
	}
	if s.sample, err = f.look(ctx, spreadSpans*b.span); err != nil {
		return s, err
	}
	afterCPU, err1 := cpuOf(servers)
	afterRedis, err2 := b.redis.busy(ctx)
	afterPublished, err3 := b.redis.published(ctx)
	s.cpu, s.redisCPU, s.published = afterCPU-beforeCPU, afterRedis-beforeRedis, afterPublished-beforePublished
	return s, errors.Join(err1, err2, err3)
}

// cpuOf is the CPU time of all of them.
func cpuOf(servers []*server) (sum time.Duration, err error) {
	for _, srv := range servers {
		used, err := srv.cpu()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// busy is the CPU time that Redis has used, by its own account: that is finer than the
// system's.
func (s *redisServer) busy(ctx context.Context) (sum time.Duration, err error) {
	info, err := s.client.InfoMap(ctx, "cpu").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	for _, name := range []string{"used_cpu_sys", "used_cpu_user"} {
		seconds, err := strconv.ParseFloat(info["CPU"][name], 64)
		if err != nil {
			return 0, fmt.Errorf("asking Redis: %w", err)
		}
		sum += time.Duration(seconds * float64(time.Second))
	}
	return sum, nil
}

// published is how often something was published in Redis, the nodes' own heartbeats included.
func (s *redisServer) published(ctx context.Context) (n int, err error) {
	info, err := s.client.InfoMap(ctx, "commandstats").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	_, err = fmt.Sscanf(info["Commandstats"]["cmdstat_publish"], "calls=%d,", &n)
	return n, err
}
