package pipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"buildrelay/protocol"
)

// typed is a build in a bubble that a test types the output of.
type typed struct {
	*io.PipeWriter
	publisher *fakePublisher
	log       *bytes.Buffer
	result    chan error
	code      int
}

// start runs a build, on a channel without a log, of which the test is the standard
// input.
func start(t *testing.T, c Config) *typed {
	t.Helper()
	return startOn(t, c, new(fakePublisher))
}

func startOn(t *testing.T, c Config, p *fakePublisher) *typed {
	t.Helper()
	r, w := io.Pipe()
	b := &typed{PipeWriter: w, publisher: p, log: new(bytes.Buffer), result: make(chan error, 1)}
	c.AppID, c.Channel, c.Publisher, c.Stdin = "app", "private-build-1", b.publisher, r
	c.Log = slog.New(slog.NewTextHandler(b.log, nil))
	// end waits for it.
	go func() {
		exit, err := Run(t.Context(), c)
		b.code = exit.Code
		b.result <- err
	}()
	synctest.Wait()
	return b
}

// print prints and lets everything happen that needs no time.
func (b *typed) print(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(b, text); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func (b *typed) end(t *testing.T) error {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return <-b.result
}

func after(d time.Duration) {
	<-time.After(d) // by the bubble's clock
	synctest.Wait()
}

func TestOutputIsPublishedWhenItHasWaitedForTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{})
		b.print(t, "one ")
		after(249 * time.Millisecond)
		b.print(t, "two\n")
		if got := len(b.publisher.published()); got != 1 {
			t.Errorf("%d events after 249 ms, want build:started alone", got)
		}
		after(time.Millisecond)
		if got := readLog(t, b.publisher.published()); got.text != "one two\n" || len(got.outputs) != 1 {
			t.Errorf("after 250 ms: %q", got.text)
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullBatchIsPublishedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{})
		b.print(t, strings.Repeat(strings.Repeat("x", 99)+"\n", 250))
		if got := readLog(t, b.publisher.published()); len(got.outputs) != 2 || len(got.text) != 20000 {
			t.Errorf("%d bytes in %d batches before any time has passed", len(got.text), len(got.outputs))
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsLeftIsPublishedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := start(t, Config{})
		b.print(t, "half a character \xe2\x82")
		if err := b.end(t); err != nil {
			t.Error(err)
		}
		got := readLog(t, b.publisher.published())
		if got.text != "half a character \xe2\x82" || time.Since(began) != 0 {
			t.Errorf("%q after %v", got.text, time.Since(began))
		}
		if f := got.finished; f == nil || f.ExitCode != nil || f.Time != began.UnixMilli() {
			t.Errorf("finished %+v", f)
		}
	})
}

func TestAPublisherThatIsAwayAndComesBackLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{})
		b.print(t, "before\n")
		after(time.Second)
		b.publisher.setFail(always(errAway))
		var want strings.Builder
		want.WriteString("before\n")
		for i := range 60 {
			line := strings.Repeat("x", i) + "\n"
			b.print(t, line)
			want.WriteString(line)
			after(time.Second)
		}
		b.publisher.setFail(nil)
		after(lastDelay)
		if got := readLog(t, b.publisher.published()); got.text != want.String() || got.lost != 0 {
			t.Errorf("got %q", got.text)
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
		log := b.log.String()
		if strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 || strings.Contains(log, "xxx") {
			t.Errorf("log:\n%s", log)
		}
	})
}

func TestOutputBeyondTheBufferIsToldAsLostInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{MaxData: 1024, Buffer: 4096})
		b.print(t, "first\n")
		after(time.Second)
		b.publisher.setFail(always(errAway))
		b.print(t, "in flight\n")
		after(time.Second)
		for range 200 {
			b.print(t, strings.Repeat("x", 99)+"\n")
		}
		b.print(t, "newest\n")
		after(time.Minute)
		b.publisher.setFail(nil)
		after(lastDelay)

		got := readLog(t, b.publisher.published())
		kept := strings.Count(got.text, "x\n") * 100
		if !strings.HasPrefix(got.text, "first\nin flight\n[lost]x") || !strings.HasSuffix(got.text, "x\nnewest\n") {
			t.Errorf("got %q", got.text)
		}
		if got.lost+int64(kept) != 20000 || kept < 2500 || kept > 4096 {
			t.Errorf("lost %d, kept %d of 20000", got.lost, kept)
		}
		var unpublished *Unpublished
		if err := b.end(t); !errors.As(err, &unpublished) || unpublished.Bytes != got.lost || unpublished.Err != nil {
			t.Errorf("err %v, want %d bytes", err, got.lost)
		}
		readLog(t, b.publisher.published()) // finished tells the loss as well
	})
}

func TestTheEndWaitsForThePublisherOnlySoLong(t *testing.T) {
	for name, fail := range map[string]func(context.Context, []protocol.Event) error{
		"away": always(errAway),
		"hangs": func(ctx context.Context, _ []protocol.Event) error {
			<-ctx.Done()
			return ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, Config{})
				b.publisher.setFail(fail)
				b.print(t, "never seen\n")
				began := time.Now()
				err := b.end(t)
				if waited := time.Since(began); waited != DefaultFlushWait {
					t.Errorf("waited %v", waited)
				}
				var unpublished *Unpublished
				if !errors.As(err, &unpublished) || unpublished.Bytes != 11 || unpublished.Total != 11 {
					t.Errorf("err %v", err)
				}
				if name == "away" && !errors.Is(err, errAway) {
					t.Errorf("err %v does not tell why", err)
				}
				if b.code != 0 {
					t.Errorf("exit code %d", b.code)
				}
			})
		})
	}
}

func TestTheEndWaitsForAPublisherThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{MaxData: 1024})
		b.publisher.setFail(func(context.Context, []protocol.Event) error {
			<-time.After(callLimit - 1)
			return nil
		})
		for range 1000 {
			b.print(t, strings.Repeat("x", 99)+"\n")
		}
		began := time.Now()
		if err := b.end(t); err != nil {
			t.Errorf("err %v", err)
		}
		if waited := time.Since(began); waited < 2*DefaultFlushWait {
			t.Errorf("all was published within %v: nothing was waited for", waited)
		}
		if got := readLog(t, b.publisher.published()); len(got.text) != 100_000 {
			t.Errorf("%d bytes of 100000 were published", len(got.text))
		}
	})
}

func TestARefusalIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{})
		b.publisher.setFail(always(ErrRefused))
		b.print(t, "one\n")
		after(time.Minute)
		b.print(t, "two\n")
		began := time.Now()
		if err := b.end(t); !errors.Is(err, ErrRefused) {
			t.Errorf("err %v", err)
		}
		if time.Since(began) != 0 {
			t.Errorf("waited %v for nothing", time.Since(began))
		}
		if b.publisher.calls != 2 { // build:started and what was refused
			t.Errorf("%d calls", b.publisher.calls)
		}
	})
}

func TestEventsThatMayHaveArrivedAreSentAgainWithTheirNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, Config{})
		b.print(t, "text\n")
		b.publisher.setFail(func(context.Context, []protocol.Event) error {
			b.publisher.events = append(b.publisher.events, b.publisher.events[0]) // stands for what did arrive
			return errAway
		})
		after(DefaultLiveInterval)
		b.publisher.setFail(nil)
		after(time.Second)
		events := b.publisher.published()
		if last := events[len(events)-1].Data; last != `{"seq":1,"offset":0,"line":1,"text":"text\n"}` {
			t.Errorf("got %s", last)
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
	})
}
