package pipe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// gone makes the publisher refuse what is for another log than that of the epoch,
// and begin it when it is asked to.
func (p *fakePublisher) loses(epoch string) {
	p.hasLog(epoch, true)
	p.setFail(func(_ context.Context, events []protocol.Event) error {
		if a := events[0].Append; a.Epoch != "" && a.Epoch != epoch {
			return protocol.ErrLogGone
		}
		return nil
	})
}

func TestEventsSayHowTheyJoinTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e", watched: true})
		b.waits(t)
		b.print(t, "one\nand an open one")
		if err := b.end(t); err != nil {
			t.Error(err)
		}
		var got []*protocol.Append
		ids := make(map[string]bool)
		for _, e := range b.publisher.published() {
			got = append(got, e.Append)
			ids[e.ID] = true
		}
		lines, bytes := int64(3), int64(len("line\none\nand an open one"))
		want := []*protocol.Append{
			{Begin: true},
			{Epoch: "e"},
			{Epoch: "e"},
			{Epoch: "e", Final: &protocol.Final{Lines: &lines, Bytes: &bytes}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(ids) != len(got) || ids[""] {
			t.Errorf("ids %v", ids)
		}
	})
}

func TestABuildWhoseLogIsGoneIsPublishedAgainFromItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "first", watched: true})
		for range 30 {
			b.waits(t)
		}
		former := b.publisher.published()
		b.publisher.loses("second")
		b.print(t, "after\n")
		after(time.Second)
		got := readLog(t, b.publisher.published())
		if want := strings.Repeat("line\n", 30) + "after\n"; got.text != want {
			t.Errorf("got %q", got.text)
		}
		for _, e := range b.publisher.published() {
			for _, f := range former {
				if e.ID == f.ID {
					t.Fatalf("the id %s names an event of each log", e.ID)
				}
			}
		}
		if err := b.end(t); err != nil {
			t.Error(err)
		}
		if got := readLog(t, b.publisher.published()); got.finished == nil || got.finished.Lost != 0 {
			t.Errorf("finished %+v", got.finished)
		}
		if log := b.log.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "gone from Redis") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// The end is what comes last: when the log is gone by then, all of it comes again.
func TestALogThatIsGoneAtTheEndIsPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "first", watched: true})
		b.waits(t)
		b.publisher.loses("second")
		if err := b.end(t); err != nil {
			t.Error(err)
		}
		if got := readLog(t, b.publisher.published()); got.text != "line\n" || got.finished == nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestOfALogThatIsGoneWhatIsNotKeptIsToldAsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{MaxData: 1024, Buffer: 4096}, &fakePublisher{epoch: "first", watched: true})
		for range 200 {
			b.print(t, strings.Repeat("x", 99)+"\n")
		}
		after(time.Second)
		if got := readLog(t, b.publisher.published()); len(got.text) != 20000 {
			t.Errorf("%d bytes are in the first log", len(got.text))
		}
		b.publisher.loses("second")
		b.print(t, "newest\n")
		after(time.Second)
		got := readLog(t, b.publisher.published())
		kept := strings.Count(got.text, "x\n") * 100
		if !strings.HasPrefix(got.text, "[lost]x") || !strings.HasSuffix(got.text, "x\nnewest\n") {
			t.Errorf("got %q", got.text)
		}
		if got.lost+int64(kept) != 20000 || kept < 2500 || kept > 4096 {
			t.Errorf("lost %d, kept %d of 20000", got.lost, kept)
		}
		if last := got.outputs[len(got.outputs)-1]; last.Line != 201 && !strings.Contains(last.Text, "x\nnewest") {
			t.Errorf("the newest line has the number %d", last.Line)
		}
		var unpublished *Unpublished
		if err := b.end(t); !errors.As(err, &unpublished) || unpublished.Bytes != got.lost {
			t.Errorf("err %v, want %d bytes", err, got.lost)
		}
		if f := readLog(t, b.publisher.published()).finished; f == nil || f.Lines != 201 {
			t.Errorf("finished %+v", f)
		}
	})
}

// A Redis that can't keep anything is not filled again without a pause.
func TestALogThatIsGoneAgainAndAgainIsPublishedMoreAndMoreSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e", watched: true})
		b.publisher.setFail(func(_ context.Context, events []protocol.Event) error {
			if events[0].Append.Begin {
				return nil
			}
			return protocol.ErrLogGone
		})
		b.print(t, "line\n")
		after(time.Minute)
		if n := b.publisher.callCount(); n > 50 {
			t.Errorf("%d calls in a minute", n)
		}
		began := time.Now()
		if err := b.end(t); !errors.Is(err, protocol.ErrLogGone) && !errors.Is(err, errSilent) {
			t.Errorf("err %v", err)
		}
		if waited := time.Since(began); waited > DefaultFlushWait {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestALogThatSomebodyClosedIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startOn(t, Config{}, &fakePublisher{epoch: "e", watched: true})
		b.publisher.setFail(always(protocol.ErrLogClosed))
		b.print(t, "line\n")
		after(time.Minute)
		began := time.Now()
		err := b.end(t)
		if !errors.Is(err, protocol.ErrLogClosed) || !strings.Contains(err.Error(), "5 of 5 bytes") || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if n := b.publisher.callCount(); n != 2 {
			t.Errorf("%d calls", n)
		}
		if !strings.Contains(b.log.String(), "somebody else has closed the log") {
			t.Errorf("log:\n%s", b.log)
		}
	})
}
