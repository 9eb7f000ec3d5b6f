package pipe

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// waits returns how long a line waits that is printed now.
func (b *typed) waits(t *testing.T) time.Duration {
	t.Helper()
	before := len(b.publisher.published())
	printed := time.Now()
	b.print(t, "line\n")
	for len(b.publisher.published()) == before {
		after(10 * time.Millisecond)
	}
	return time.Since(printed)
}

func TestOutputWaitsByWhetherItIsWatched(t *testing.T) {
	const own = 20 * time.Millisecond
	for name, tt := range map[string]struct {
		c             Config
		live, watched time.Duration
		idle          time.Duration
	}{
		"by default":        {Config{}, 250 * time.Millisecond, 50 * time.Millisecond, 2 * time.Second},
		"as it is told":     {Config{Interval: own, IdleInterval: 4 * time.Second}, own, own, 4 * time.Second},
		"idle never sooner": {Config{Interval: 3 * time.Second, IdleInterval: time.Second}, 3 * time.Second, 3 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, state := range []struct {
					epoch   string
					watched bool
					want    time.Duration
				}{{"", false, tt.live}, {"e", true, tt.watched}, {"e", false, tt.idle}} {
					b := startOn(t, tt.c, &fakePublisher{epoch: state.epoch, watched: state.watched})
					if got := b.waits(t); got != state.want {
						t.Errorf("with the log %q, watched %t: waited %v, want %v", state.epoch, state.watched, got, state.want)
					}
					if err := b.end(t); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestAViewerIsNoticedWithTheNextReceipt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e"})
		b.publisher.hasLog("e", true)
		if got := b.waits(t); got != DefaultIdleInterval {
			t.Errorf("the first line waited %v", got)
		}
		if got := b.waits(t); got != DefaultInterval {
			t.Errorf("the next line waited %v", got)
		}
		b.publisher.hasLog("e", false)
		if got := b.waits(t); got != DefaultInterval {
			t.Errorf("the first line without a viewer waited %v", got)
		}
		if got := b.waits(t); got != DefaultIdleInterval {
			t.Errorf("the next line without a viewer waited %v", got)
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
	})
}

// A receipt may come while a line waits: that of a batch that was full.
func TestAViewerShortensTheWaitThatHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e"})
		b.print(t, "waits\n")
		after(30 * time.Millisecond)
		b.publisher.hasLog("e", true)
		b.print(t, strings.Repeat("x", 10140)+"\nrest\n")
		if got := readLog(t, b.publisher.published()); strings.Contains(got.text, "rest") {
			t.Fatalf("nothing waits: %.30q", got.text)
		}
		after(20 * time.Millisecond)
		if got := readLog(t, b.publisher.published()); !strings.HasSuffix(got.text, "rest\n") {
			t.Errorf("the rest still waits, 50 ms after the oldest of it was printed")
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
	})
}

func TestTheEndOfAnUnwatchedBuildIsPublishedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e"})
		b.print(t, "last words\n")
		ended := time.Now()
		if err := b.end(t); err != nil || time.Since(ended) != 0 {
			t.Errorf("%v after %v", err, time.Since(ended))
		}
		if got := readLog(t, b.publisher.published()); got.text != "last words\n" || got.finished == nil {
			t.Errorf("%+v", got)
		}
	})
}
