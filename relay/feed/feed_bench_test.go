package feed

import "testing"

// What a feed costs with readers in time: 64 frames come, each reader takes them
// in one run, and the feed forgets them.
func BenchmarkFeed(b *testing.B) {
	const frames, readers, limit = 64, 1000, 64 << 10
	frame := make([]byte, 150)
	f := New(new(Budget))
	var at [readers]Cursor
	b.ReportAllocs()
	deliveries := 0
	for b.Loop() {
		for range frames {
			f.Append(frame, "", nil)
		}
		for i := range at {
			run := f.Read(at[i], limit, "1.1")
			at[i] = run.Next
			deliveries += run.Frames
		}
		f.Trim(f.End())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(deliveries), "ns/delivery")
}
