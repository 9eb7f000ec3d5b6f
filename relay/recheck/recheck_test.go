package recheck_test

import (
	"context"
	"testing"

	"buildrelay/relay/recheck"
)

func TestWhoAsksWaitsUntilItIsDone(t *testing.T) {
	asks, asked := make(recheck.Asks), make(chan struct{})
	// The test waits for it below.
	go func() {
		asks.Ask(t.Context())
		close(asked)
	}()
	done := <-asks
	select {
	case <-asked:
		t.Error("it returns before it is done")
	default:
	}
	close(done)
	<-asked
}

func TestWhoAsksNobodyWaitsUntilTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	make(recheck.Asks).Ask(ctx)
	recheck.Asks(nil).Ask(ctx)
}

func TestADigestTellsWhereOneTextEnds(t *testing.T) {
	digests := map[recheck.Digest][]string{}
	for _, texts := range [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"b", "a"}} {
		parts := make([][]byte, len(texts))
		for i, text := range texts {
			parts[i] = []byte(text)
		}
		d := recheck.DigestOf(parts...)
		if other, ok := digests[d]; ok {
			t.Errorf("%q and %q have the same", texts, other)
		}
		digests[d] = texts
	}
}
