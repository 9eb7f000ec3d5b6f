package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"buildrelay/relay/relaytest"
)

// How many reports a node takes in a second, where the trail costs nothing.
func BenchmarkInbox(b *testing.B) {
	server, s := relaytest.StartRedis(b), &sink{}
	for done := 0; done < b.N; done += 1000 {
		_, err := server.Client().Pipelined(b.Context(), func(pipe redis.Pipeliner) error {
			for i := range min(1000, b.N-done) {
				pipe.XAdd(b.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"record", report(fmt.Sprint(done + i))}})
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	begun := time.Now()
	b.ResetTimer()
	start(b, server.URL(), s)
	expectEmpty(b, server.Client())
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "records/s")
}
