package main

import (
	"math/rand/v2"
	"testing"

	"buildrelay/protocol"
)

// However a stream is cut into reads, every frame counts once.
func TestFramesAreCountedAcrossReads(t *testing.T) {
	var stream []byte
	frames := 0
	for _, size := range []int{0, 1, 125, 126, 1000, 0xffff, 0x10000, 5} {
		stream = append(stream, protocol.Text(make([]byte, size))...)
		frames++
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var c frameCounter
		got := 0
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(1+r.IntN(40_000)))
			got += c.count(rest[:n])
			rest = rest[n:]
		}
		if got != frames {
			t.Fatalf("counted %d frames, want %d", got, frames)
		}
	}
}
