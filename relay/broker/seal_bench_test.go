package broker_test

import (
	"fmt"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/relaytest"
)

// sealedAndPlain are two brokers at one Redis, of which the first seals.
func sealedAndPlain(b *testing.B) (sealed, plain *logRig) {
	b.Helper()
	url := relaytest.StartRedis(b).URL()
	sealed, plain = newLogRig(b, url, newVault(b, auth.SealRequired).seals), newLogRig(b, url)
	for _, l := range []*logRig{sealed, plain} {
		l.rule.Events, l.rule.Bytes = 2*lines20k, 1<<30
	}
	return sealed, plain
}

// inTurns does the same with and without the seal, in turns, so that both have the same
// machine. It reports how long one of n things took, and how many times as long as plain.
func inTurns(b *testing.B, n int, unit string, sealed, plain func()) {
	var took [2]time.Duration
	rounds := 0
	for b.Loop() {
		for i, do := range []func(){sealed, plain} {
			begun := time.Now()
			do()
			took[i] += time.Since(begun)
		}
		rounds++
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(rounds*n) }
	b.ReportMetric(each(took[0]), "µs/"+unit)
	b.ReportMetric(each(took[1]), "µs/plain-"+unit)
	b.ReportMetric(float64(took[0])/float64(took[1]), "x")
}

// BenchmarkSealedAppend is what a node does for a batch of the HTTP API to a log.
func BenchmarkSealedAppend(b *testing.B) {
	for _, size := range []int{200, 10 << 10} {
		b.Run(fmt.Sprintf("%d B", size), func(b *testing.B) {
			sealed, plain := sealedAndPlain(b)
			batch := make([]protocol.Event, protocol.MaxBatch)
			for i := range batch {
				batch[i] = event("a", text(size))
			}
			publish := func(l *logRig, channel string) func() {
				events := append([]protocol.Event(nil), batch...)
				for i := range events {
					events[i].Channel = channel
				}
				return func() { l.publish("1", events...) }
			}
			inTurns(b, len(batch), "event", publish(sealed, "sealed"), publish(plain, "plain"))
		})
	}
}

// BenchmarkSealedReplay reads a log of 20,000 lines, page by page.
func BenchmarkSealedReplay(b *testing.B) {
	for _, size := range []int{200, 1 << 10} {
		b.Run(fmt.Sprintf("%d B", size), func(b *testing.B) {
			sealed, plain := sealedAndPlain(b)
			line := text(size)
			for range lines20k / atOnce {
				for channel, l := range map[string]*logRig{"sealed": sealed, "plain": plain} {
					batch := make([]protocol.Event, atOnce)
					for i := range batch {
						batch[i] = event(channel, line)
					}
					l.publish("1", batch...)
				}
			}
			inTurns(b, lines20k, "line", readAll(b, sealed, "sealed"), readAll(b, plain, "plain"))
		})
	}
}

func readAll(b *testing.B, l *logRig, channel string) func() {
	return func() {
		read := 0
		for from, more := first, true; more; {
			page, err := l.ReadLog(b.Context(), "1", channel, from)
			if err != nil {
				b.Fatal(err)
			}
			read, from, more = read+len(page.Entries), since(page.End), page.More
		}
		if read != lines20k {
			b.Fatalf("read %d", read)
		}
	}
}
