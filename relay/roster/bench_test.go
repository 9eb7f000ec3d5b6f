package roster_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/roster"
)

// cost is what Redis did for the roster's calls: how many, and for how long.
func cost(b *testing.B, client *redis.Client) (calls, usec float64) {
	b.Helper()
	text, err := client.Info(b.Context(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		stats, ok := strings.CutPrefix(line, "cmdstat_evalsha:")
		if !ok {
			continue
		}
		for field := range strings.SplitSeq(stats, ",") {
			name, value, _ := strings.Cut(field, "=")
			n, _ := strconv.ParseFloat(value, 64)
			switch name {
			case "calls":
				calls = n
			case "usec":
				usec = n
			}
		}
	}
	return calls, usec
}

// report measures what Redis does for one of what do does n times.
func report(b *testing.B, client *redis.Client, n int, do func()) {
	b.Helper()
	calls, usec := cost(b, client)
	do()
	moreCalls, moreUsec := cost(b, client)
	b.ReportMetric((moreUsec-usec)/float64(n), "redis-µs/op")
	b.ReportMetric((moreCalls-calls)/float64(n), "calls/op")
}

// still keeps leases and sweeps out of what is measured.
func still(c *roster.Config) { c.Lease, c.Refresh, c.Sweep = time.Hour, 10*time.Minute, 10*time.Minute }

func startBench(b *testing.B) (*relaytest.Redis, *node) {
	b.Helper()
	server := relaytest.StartRedis(b)
	n := startNode(b, server.URL(), still)
	n.roll("presence-warm")
	return server, n
}

// known waits until Redis knows what was said.
func (n *node) known() {
	n.t.Helper()
	if _, err := n.Counts(n.t.Context(), "1", nil); err != nil {
		n.t.Fatal(err)
	}
}

// One member joins at a time, and the node waits for its roll, as it does for a
// subscriber.
func BenchmarkJoinAlone(b *testing.B) {
	server, n := startBench(b)
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for i := range b.N {
			channel := fmt.Sprint("presence-", i/100)
			n.enter(channel, fmt.Sprint("user-", i))
			n.ask(channel)
		}
		b.StopTimer()
	})
}

// Many join at once, a hundred a channel.
func BenchmarkJoinTogether(b *testing.B) {
	server, n := startBench(b)
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for i := range b.N {
			n.enter(fmt.Sprint("presence-", i/100), fmt.Sprint("user-", i))
		}
		n.known()
		b.StopTimer()
	})
}

func BenchmarkLeaveTogether(b *testing.B) {
	server, n := startBench(b)
	for i := range b.N {
		n.enter(fmt.Sprint("presence-", i/100), fmt.Sprint("user-", i))
	}
	n.known()
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for i := range b.N {
			n.Leave("1", fmt.Sprint("presence-", i/100), fmt.Sprint("user-", i))
		}
		n.known()
		b.StopTimer()
	})
}

// Sign-ins: each user is the one member of a channel.
func BenchmarkSignIn(b *testing.B) {
	server, n := startBench(b)
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for i := range b.N {
			user := fmt.Sprint("user-", i)
			n.enter(protocol.UserPrefix+user, user)
		}
		n.known()
		b.StopTimer()
	})
}

// Channels of which nobody is told, for the list of channels alone.
func BenchmarkCount(b *testing.B) {
	server, n := startBench(b)
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for i := range b.N {
			n.Count("1", fmt.Sprint("channel-", i), 1)
		}
		n.known()
		b.StopTimer()
	})
}

// What Redis needs for a member, a user and a channel, with all that belongs to it.
func BenchmarkBytes(b *testing.B) {
	for _, c := range []struct {
		name string
		say  func(n *node, i int)
	}{
		{"member of 100", func(n *node, i int) { n.enter(fmt.Sprint("presence-", i/100), fmt.Sprint("user-", i)) }},
		{"member of 1", func(n *node, i int) { n.enter(fmt.Sprint("presence-", i), fmt.Sprint("user-", i)) }},
		{"user", func(n *node, i int) { n.enter(fmt.Sprint(protocol.UserPrefix, "user-", i), fmt.Sprint("user-", i)) }},
		{"channel", func(n *node, i int) { n.Count("1", fmt.Sprint("channel-", i), 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			const many = 20_000
			for b.Loop() {
				server, n := startBench(b)
				before := memory(b, server.Client())
				for i := range many {
					c.say(n, i)
				}
				n.known()
				b.ReportMetric((memory(b, server.Client())-before)/many, "bytes/op")
				n.stop()
			}
		})
	}
}

func memory(b *testing.B, client *redis.Client) float64 {
	b.Helper()
	text, err := client.Info(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "used_memory_dataset:")
	n, err := strconv.ParseFloat(rest[:strings.Index(rest, "\r")], 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// A node with a hundred members of one channel is gone.
func BenchmarkSweep(b *testing.B) {
	server := relaytest.StartRedis(b)
	watcher := startNode(b, server.URL())
	l := listen(b, server.Client(), room)
	var spent float64
	for range b.N {
		gone := startNode(b, server.URL(), still)
		for i := range 100 {
			gone.enter(room, fmt.Sprint("user-", i))
		}
		gone.known()
		gone.stop()
		for range 100 {
			l.next()
		}
		_, before := cost(b, server.Client())
		sweeper := startNode(b, server.URL(), still)
		for range 100 {
			l.next()
		}
		_, after := cost(b, server.Client())
		spent += after - before
		sweeper.stop()
	}
	b.ReportMetric(spent/float64(b.N), "redis-µs/op")
	watcher.stop()
}

// A node tells everything again to a Redis that has lost it.
func BenchmarkRegister100000Channels(b *testing.B) {
	server, n := startBench(b)
	const channels = 100_000
	for i := range channels {
		n.Count("1", fmt.Sprint("channel-", i), 1)
	}
	n.known()
	report(b, server.Client(), b.N, func() {
		b.ResetTimer()
		for range b.N {
			if err := server.Client().FlushAll(b.Context()).Err(); err != nil {
				b.Fatal(err)
			}
			n.Ask("1", "presence-warm", protocol.Version{}) // which finds that the leases are gone
			for occupied := 0; occupied < channels; {
				n.known()
				all, err := n.Channels(b.Context(), "1", "")
				if err != nil {
					b.Fatal(err)
				}
				occupied = len(all)
			}
		}
		b.StopTimer()
	})
}

// What an idle node costs Redis: its leases and sweeps.
func BenchmarkIdle(b *testing.B) {
	server := relaytest.StartRedis(b)
	n := startNode(b, server.URL(), func(c *roster.Config) {
		c.Lease, c.Refresh, c.Sweep = time.Minute, time.Millisecond, time.Hour
	})
	n.roll(room)
	calls, usec := cost(b, server.Client())
	relaytest.Eventually(b, "leases are refreshed", func() bool {
		more, _ := cost(b, server.Client())
		return more > calls+16*100
	})
	moreCalls, moreUsec := cost(b, server.Client())
	b.ReportMetric(0, "ns/op")
	b.ReportMetric((moreUsec-usec)/(moreCalls-calls), "redis-µs/lease")
}
