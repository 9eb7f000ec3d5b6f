package broker_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"buildrelay/protocol"
	"buildrelay/relay/broker"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/relaytest"
)

// text is data of a length, which nothing could compress.
func text(n int) string {
	random := make([]byte, n/2)
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}

// atOnce is how many commands a benchmark sends in one round trip, so that it is Redis
// that is measured.
const atOnce = 100

// BenchmarkAppend compares what Redis takes in a second of plain PUBLISH with appends by
// the script and by the function, without and with an event id, and to a log that is full,
// where each append trims one event.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{200, 1 << 10, 10 << 10} {
		l := newLogRig(b, relaytest.StartRedis(b).URL())
		if err := l.InstallFunctions(b.Context()); err != nil {
			b.Fatal(err)
		}
		sha := l.client.ScriptLoad(b.Context(), appendScript).Val()
		data := text(size)
		published := string(protocol.EncodePublished(events("a", data)))
		// Each log takes 5000 events, so that none is full.
		log := func(i int) []string { return []string{fmt.Sprintf("buildrelay:{1:a%d}", i/5000)} }
		commands := []struct {
			name string
			send func(pipe redis.Pipeliner, i int)
		}{
			{"PUBLISH", func(pipe redis.Pipeliner, _ int) { pipe.Publish(b.Context(), "buildrelay:1:a", published) }},
			{"script", func(pipe redis.Pipeliner, i int) { pipe.EvalSha(b.Context(), sha, log(i), "e", data) }},
			{"function", func(pipe redis.Pipeliner, i int) {
				pipe.FCall(b.Context(), "buildrelay_append", log(i), "e", data)
			}},
			{"script, with id and options", func(pipe redis.Pipeliner, i int) {
				pipe.EvalSha(b.Context(), sha, log(i), "e", data, fmt.Sprint(i), `{"maxlen":20000,"maxbytes":8388608,"ttl":86400}`)
			}},
			{"script, to a full log", func(pipe redis.Pipeliner, _ int) {
				pipe.EvalSha(b.Context(), sha, []string{key}, "e", data, "", `{"maxlen":500}`)
			}},
		}
		for _, c := range commands {
			b.Run(fmt.Sprintf("%s of %d B", c.name, size), func(b *testing.B) {
				l.client.FlushDB(b.Context())
				done := 0
				for b.Loop() {
					pipe := l.client.Pipeline()
					for range atOnce {
						c.send(pipe, done)
						done++
					}
					if _, err := pipe.Exec(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}

// BenchmarkPublish is what a node does for a batch of the HTTP API.
func BenchmarkPublish(b *testing.B) {
	l := newLogRig(b, relaytest.StartRedis(b).URL())
	live := newRig(b, "", func(c *broker.Config) { c.Redis = redisconn.Single(l.client.Options()) })
	for name, r := range map[string]*rig{"live": live, "log": l.rig} {
		b.Run(name, func(b *testing.B) {
			batch := events("a", text(200), text(200), text(200), text(200), text(200), text(200), text(200), text(200), text(200), text(200))
			for b.Loop() {
				if _, err := r.Publish(b.Context(), "1", batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkReadLog reads a log of 20,000 lines, page by page.
func BenchmarkReadLog(b *testing.B) {
	l := newLogRig(b, relaytest.StartRedis(b).URL())
	fillLines(b, l, 200)
	for b.Loop() {
		from, read := first, 0
		for more := true; more; {
			page := l.read(from)
			read += len(page.Entries)
			from, more = since(page.End), page.More
		}
		if read != lines20k {
			b.Fatalf("read %d", read)
		}
	}
	b.ReportMetric(float64(b.N*lines20k)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkMemory says how many bytes of Redis a retained line takes.
func BenchmarkMemory(b *testing.B) {
	l := newLogRig(b, relaytest.StartRedis(b).URL())
	for _, size := range []int{200, 1 << 10} {
		b.Run(fmt.Sprintf("%d B", size), func(b *testing.B) {
			var used int64
			for b.Loop() {
				l.client.FlushDB(b.Context())
				fillLines(b, l, size)
				used = l.client.MemoryUsage(b.Context(), key, 0).Val() + l.client.MemoryUsage(b.Context(), key+":meta", 0).Val()
			}
			b.ReportMetric(float64(used)/lines20k, "B/line")
		})
	}
}

const lines20k = 20_000

func fillLines(b *testing.B, l *logRig, size int) {
	b.Helper()
	data := text(size)
	for range lines20k / atOnce {
		pipe := l.client.Pipeline()
		for range atOnce {
			pipe.Eval(b.Context(), appendScript, []string{key}, "build:output", data, "", `{"maxbytes":1000000000}`)
		}
		if _, err := pipe.Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
