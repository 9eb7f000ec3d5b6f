package relaytest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestJournalFindWaitsForWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal[int]()
		j.add(1)
		j.add(2)
		time.AfterFunc(time.Second, func() { j.add(4) })
		got, index, err := j.find(t.Context(), 1, func(n int) bool { return n > 2 })
		if got != 4 || index != 2 || err != nil {
			t.Errorf("find = %d, %d, %v; want 4, 2, nil", got, index, err)
		}
	})
}

func TestJournalFindEndsWithTheJournalAndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(int) bool { return false }
		j := newJournal[int]()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := j.find(ctx, 0, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v", err)
		}
		time.AfterFunc(time.Second, j.end)
		if _, _, err := j.find(t.Context(), 0, never); !errors.Is(err, errEnded) {
			t.Errorf("after the end: %v", err)
		}
	})
}
