package masks

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"buildrelay/protocol"
)

// line is an event of 200 bytes, as pipe publishes it.
var line = fmt.Sprintf(`{"seq":17,"offset":4711,"line":42,"text":"%s\n"}`,
	(`\u001b[32m+\u001b[0m ` + strings.Repeat("go test ./relay/masks -run Showing; ", 5))[:153])

// values are so many that no event has, of 27 bytes.
func values(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("q%dX-7dk2-%016x", i%10, uint64(i+1)*0x9e3779b97f4a7c15))
	}
	return all
}

func BenchmarkApplies(b *testing.B) {
	for _, tt := range []struct {
		name string
		rig  *rig
	}{
		{"nothing registered", newRig(b)},
		{"another channel", func() *rig { r := newRig(b); r.register("other", 1, secret); return r }()},
		{"registered", newRig(b, secret)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tt.rig.Applies(app, channel)
			}
		})
	}
}

// BenchmarkShowing shows an event behind another.
func BenchmarkShowing(b *testing.B) {
	for _, n := range []int{0, 1, 20, 500} {
		r := newRig(b, values(n)...)
		b.Run(fmt.Sprint(n, " values"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				e := protocol.Event{Name: "build:output", Channel: channel, Data: line}
				r.Showing(app, &e, line, Delivery)
			}
		})
	}
	r := newRig(b, values(20)...)
	r.rules = protocol.MaskRules{{Pattern: "private-*", Field: "text", Shapes: true}}
	b.Run("20 values and shapes", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			e := protocol.Event{Name: "build:output", Channel: channel, Data: line}
			r.Showing(app, &e, line, Delivery)
		}
	})
}

// BenchmarkPublishing publishes one event in a call.
func BenchmarkPublishing(b *testing.B) {
	for _, n := range []int{0, 1, 20, 500} {
		r := newRig(b, values(n)...)
		b.Run(fmt.Sprint(n, " values"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				events := [1]protocol.Event{{Name: "build:output", Channel: channel, Data: line}}
				r.Publishing(app, events[:])
			}
		})
	}
}

// BenchmarkCompiling is what the first event of a channel costs. The last three take about as much
// memory as they may.
func BenchmarkCompiling(b *testing.B) {
	for _, values := range [][]string{
		values(1), values(20), values(500), special(1800, 8), special(260, 30), special(1, 2000),
	} {
		r := newRig(b)
		b.Run(fmt.Sprint(len(values), " values of ", len(values[0])), func(b *testing.B) {
			for b.Loop() {
				s := r.stored(channel, 1, values...)
				r.set(&registration{Stored: s})
			}
			if r.logged.Len() > 0 {
				b.Fatal(&r.logged)
			}
		})
	}
}

// special are values of a length with what encodings treat in most ways.
func special(n, length int) (all []string) {
	random := rand.New(rand.NewPCG(1, 2))
	for range n {
		v := make([]byte, length)
		for i := range v {
			v[i] = `"'<>&$/+ ~#%`[random.IntN(12)]
			if length < 100 && i%3 > 0 { // as passwords have it
				v[i] = byte('a' + random.IntN(26))
			}
		}
		all = append(all, string(v))
	}
	return all
}
