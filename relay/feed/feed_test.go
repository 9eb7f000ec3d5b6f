package feed

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"buildrelay/protocol"
)

func TestReaderGetsEveryFrameInOrderOnce(t *testing.T) {
	f := New(nil)
	for i := range 1000 {
		f.Append(fmt.Appendf(nil, "<%d>", i), "", nil)
	}
	var got []byte
	var at Cursor
	for {
		run := f.Read(at, 64, "me")
		if run.Lost != 0 {
			t.Fatalf("lost %d frames of a feed within its bound", run.Lost)
		}
		got = append(got, run.Bytes...)
		at = run.Next
		if !run.More {
			break
		}
	}
	var want []byte
	for i := range 1000 {
		want = fmt.Appendf(want, "<%d>", i)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d in order", len(got), len(want))
	}
}

func TestReadGivesAtLeastOneFrame(t *testing.T) {
	f := New(nil)
	f.Append(make([]byte, 500), "", nil)
	f.Append(make([]byte, 10), "", nil)
	if run := f.Read(0, 100, "me"); len(run.Bytes) != 500 || run.Next != 1 || !run.More {
		t.Errorf("got %d bytes, next %d, more %v; want the one frame of 500", len(run.Bytes), run.Next, run.More)
	}
}

func TestExcludedReaderIsPassedOver(t *testing.T) {
	f := New(nil)
	f.Append([]byte("a"), "", nil)
	f.Append([]byte("b"), "1.1", nil)
	f.Append([]byte("c"), "2.2", nil)
	f.Append([]byte("d"), "1.1", nil)
	for self, want := range map[string]string{"1.1": "ac", "2.2": "abd", "3.3": "abcd"} {
		if got := readAll(f, 0, self); got != want {
			t.Errorf("reader %q got %q, want %q", self, got, want)
		}
	}
}

func TestReaderBeyondTheBoundIsToldHowManyItLost(t *testing.T) {
	f := New(nil)
	frame := make([]byte, 1<<10)
	for range 300 {
		f.Append(frame, "", nil)
	}
	run := f.Read(0, 1<<20, "me")
	if run.Lost != 300-256 || run.Frames != 256 {
		t.Errorf("lost %d and got %d of 300 frames of 1 KiB; want 44 and 256", run.Lost, run.Frames)
	}
}

func TestLastFrameIsRetainedEvenWhenOverTheBound(t *testing.T) {
	f := New(nil)
	f.Append([]byte("x"), "", nil)
	f.Append(make([]byte, MaxRetained+1), "", nil)
	if run := f.Read(0, 10, "me"); run.Lost != 1 || len(run.Bytes) != MaxRetained+1 {
		t.Errorf("lost %d, got %d bytes; want the large frame alone", run.Lost, len(run.Bytes))
	}
}

func TestQuietFeedHoldsNoMemory(t *testing.T) {
	var b Budget
	f := New(&b)
	for range 100 {
		f.Append(make([]byte, 300), "1.1", nil)
	}
	if b.Used() == 0 || b.Used() != int64(f.Footprint()) {
		t.Errorf("budget counts %d, the feed holds %d", b.Used(), f.Footprint())
	}
	f.Trim(f.End())
	if b.Used() != 0 || f.Footprint() != 0 {
		t.Errorf("after the last reader: budget %d, footprint %d, want none", b.Used(), f.Footprint())
	}
	if got := f.End(); got != 100 {
		t.Errorf("numbering went back to %d", got)
	}
}

func TestCutKeepsTheNewestAndRunsInUse(t *testing.T) {
	var b Budget
	f := New(&b)
	for i := range 100 {
		f.Append(bytes.Repeat([]byte{byte(i)}, 100), "", nil)
	}
	inUse := f.Read(0, 300, "me")
	f.Cut(1000)
	for range 50 {
		f.Append(make([]byte, 100), "", nil)
	}
	if !bytes.Equal(inUse.Bytes[:100], make([]byte, 100)) || inUse.Bytes[250] != 2 {
		t.Error("a run in use changed")
	}
	if run := f.Read(0, 100, "me"); run.Lost != 90 || run.Bytes[0] != 90 {
		t.Errorf("lost %d, first byte %d; want the newest 10 of 100 frames", run.Lost, run.Bytes[0])
	}
	if b.Used() != int64(f.Footprint()) {
		t.Errorf("budget counts %d, the feed holds %d", b.Used(), f.Footprint())
	}
}

// FuzzFeed compares a feed with a plain slice that forgets nothing.
func FuzzFeed(f *testing.F) {
	f.Add(uint64(1), uint16(200))
	f.Add(uint64(7), uint16(5000))
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		checkAgainstModel(t, rand.New(rand.NewPCG(seed, 0)), int(steps))
	})
}

type modelFrame struct {
	body    string
	exclude string
}

func checkAgainstModel(t *testing.T, r *rand.Rand, steps int) {
	var b Budget
	fd := New(&b)
	var all []modelFrame
	readers := []*modelReader{{self: "1.1"}, {self: "2.2"}, {self: "3.3"}}
	for range steps {
		switch reader := readers[r.IntN(len(readers))]; r.IntN(8) {
		case 0, 1, 2, 3:
			frame := modelFrame{body: fmt.Sprintf("%d:%0*d|", len(all), r.IntN(2000), 0)}
			if r.IntN(5) == 0 {
				frame.exclude = readers[r.IntN(2)].self
			}
			all = append(all, frame)
			fd.Append([]byte(frame.body), frame.exclude, at(uint64(len(all))))
		case 4, 5, 6:
			reader.read(t, fd, all, 1+r.IntN(64<<10))
		default:
			low := min(readers[0].at, readers[1].at, readers[2].at)
			fd.Trim(low)
		}
		if r.IntN(500) == 0 {
			fd.Cut(r.IntN(100 << 10))
		}
	}
	if fd.End() != Cursor(len(all)) {
		t.Fatalf("end is %d after %d frames", fd.End(), len(all))
	}
	if b.Used() != int64(fd.Footprint()) {
		t.Fatalf("budget counts %d, the feed holds %d", b.Used(), fd.Footprint())
	}
}

type modelReader struct {
	self string
	at   Cursor
}

// read reads once and checks that what came is what the model has from there.
func (m *modelReader) read(t *testing.T, fd *Feed, all []modelFrame, limit int) {
	run := fd.Read(m.at, limit, m.self)
	m.at += Cursor(run.Lost)
	var want string
	frames := 0
	for _, frame := range all[m.at:run.Next] {
		if frame.exclude != m.self {
			want += frame.body
			frames++
		}
	}
	if string(run.Bytes) != want || run.Frames != frames {
		t.Fatalf("read at %d: got %d bytes in %d frames, want %d in %d", m.at, len(run.Bytes), run.Frames, len(want), frames)
	}
	if len(run.Bytes) > limit && run.Frames > 1 {
		t.Fatalf("%d bytes in %d frames over a limit of %d", len(run.Bytes), run.Frames, limit)
	}
	if want := uint64(run.Next); run.At.ID.Offset != want {
		t.Fatalf("a run to %d ends at %d", want, run.At.ID.Offset)
	}
	if run.More != (run.Next < fd.End()) {
		t.Fatalf("more is %v at %d of %d", run.More, run.Next, fd.End())
	}
	m.at = run.Next
}

func readAll(f *Feed, at Cursor, self string) string {
	var got []byte
	for {
		run := f.Read(at, 1<<20, self)
		got = append(got, run.Bytes...)
		at = run.Next
		if !run.More {
			return string(got)
		}
	}
}

func at(offset uint64) *protocol.Position {
	return &protocol.Position{Epoch: "00000000000000ff", ID: protocol.ID{Offset: offset}}
}

func TestReaderKnowsItsPositionInTheLog(t *testing.T) {
	f := New(nil)
	f.Append([]byte("<1>"), "", at(1))
	f.Append([]byte("<live>"), "", nil)
	f.Append([]byte("<2>"), "", at(2))
	for cursor, want := range []uint64{0, 1, 1, 2} {
		run := f.Read(Cursor(cursor), 1, "me")
		if got := f.at(Cursor(cursor)).ID.Offset; got != want {
			t.Errorf("cursor %d stands at %d, want %d", cursor, got, want)
		}
		if run.More && run.At != f.at(run.Next) {
			t.Errorf("a run from %d ends at %v, not at %v", cursor, run.At, f.at(run.Next))
		}
	}
}

func TestSeekFindsThePositionWhileItIsRetained(t *testing.T) {
	f := New(nil)
	for i := range uint64(300) {
		f.Append(make([]byte, 1<<10), "", at(i+1))
	}
	if _, ok := f.Seek(0, *at(43)); ok {
		t.Error("found a position that is no longer retained")
	}
	for _, offset := range []uint64{44, 45, 300} {
		if cursor, ok := f.Seek(0, *at(offset)); !ok || cursor != Cursor(offset) {
			t.Errorf("sought %d, found %d, %v", offset, cursor, ok)
		}
	}
	if _, ok := f.Seek(100, *at(60)); ok {
		t.Error("found a position before the cursor that the search began at")
	}
	f.Trim(f.End())
	if cursor, ok := f.Seek(0, *at(300)); !ok || cursor != f.End() {
		t.Errorf("the end of a feed that retains nothing: found %d, %v", cursor, ok)
	}
}

func TestBreakMakesEveryReaderLoseAndGoesOnFromItsPosition(t *testing.T) {
	var b Budget
	f := New(&b)
	f.Append([]byte("<1>"), "", at(1))
	inUse := f.Read(0, 100, "me")
	f.Break(*at(7))
	if b.Used() != 0 {
		t.Errorf("a broken feed counts %d bytes", b.Used())
	}
	f.Append([]byte("<8>"), "", at(8))
	if run := f.Read(inUse.Next, 100, "me"); run.Lost == 0 {
		t.Error("a reader that had everything lost nothing")
	}
	cursor, ok := f.Seek(inUse.Next, *at(7))
	if run := f.Read(cursor, 100, "me"); !ok || run.Lost > 0 || string(run.Bytes) != "<8>" || run.At != *at(8) {
		t.Errorf("from its position on it gives %q at %v, lost %d", run.Bytes, run.At, run.Lost)
	}
	if string(inUse.Bytes) != "<1>" {
		t.Error("a run in use changed")
	}
}
