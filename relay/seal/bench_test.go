package seal_test

import (
	"strconv"
	"strings"
	"testing"
)

func BenchmarkSealEntry(b *testing.B) {
	keys := newKeys()
	for _, size := range []int{200, 10_000} {
		data := strings.Repeat("x", size)
		b.Run(strconv.Itoa(size)+"B", func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				must(keys.SealEntry(app, channel, event, id, data))
			}
		})
	}
}

func BenchmarkOpenEntry(b *testing.B) {
	keys := newKeys()
	for _, size := range []int{200, 10_000} {
		text := must(keys.SealEntry(app, channel, event, id, strings.Repeat("x", size)))
		b.Run(strconv.Itoa(size)+"B", func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				must(keys.OpenEntry(app, channel, event, text))
			}
		})
	}
}
