package transport

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// process has so many descriptors open, and a limit.
type process struct {
	mu     sync.Mutex
	open   int64
	failed error
}

func (p *process) set(open int64, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.failed = open, failed
}

func (p *process) look() (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open, p.failed
}

func TestTheReserveIsAnEighthWithinBounds(t *testing.T) {
	for limit, want := range map[int64]int64{64: 32, 256: 64, 1024: 128, 4096: 512, 1 << 20: 1024} {
		if d := newDescriptors(limit, func() (int64, error) { return 0, nil }); d.reserve != want {
			t.Errorf("of %d: %d, want %d", limit, d.reserve, want)
		}
	}
}

func TestConnectionsAreCountedAtOnceAndTheRestNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p process
		p.set(20, nil)
		d := newDescriptors(256, p.look) // 64 are the reserve
		a := admission(AdmissionConfig{Descriptors: d})
		for range 172 {
			d.opened()
			enter(t, a, "192.0.2.1", noSurplus)
		}
		d.opened()
		enter(t, a, "192.0.2.1", fewDescriptors)
		if d.none() {
			t.Error("nothing of the reserve is left")
		}
		d.closed()
		enter(t, a, "192.0.2.1", noSurplus)

		p.set(172+20+31, nil) // 31 more, none of which is a client's
		enter(t, a, "192.0.2.1", noSurplus)
		pass(descriptorsEvery)
		enter(t, a, "192.0.2.1", fewDescriptors)
		if d.none() {
			t.Error("nothing of the reserve is left for telling so")
		}
		d.opened()
		if !d.none() {
			t.Error("who connects gets the last descriptors")
		}
		p.set(0, syscall.EMFILE) // and nothing to count them with
		pass(descriptorsEvery)
		if !d.none() {
			t.Error("what was seen is forgotten")
		}
	})
}

func TestWhoWaitsForADescriptorIsWoken(t *testing.T) {
	for name, wake := range map[string]func(d *Descriptors, p *process, done chan struct{}){
		"a connection is closed": func(d *Descriptors, _ *process, _ chan struct{}) { d.closed() },
		"something else is":      func(_ *Descriptors, p *process, _ chan struct{}) { p.set(100, nil); pass(descriptorsEvery) },
		"nobody waits any more":  func(_ *Descriptors, _ *process, done chan struct{}) { close(done) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var p process
			p.set(223, nil)
			d := newDescriptors(256, p.look)
			d.opened()
			done, woken := make(chan struct{}), make(chan struct{})
			go func() { d.await(done); close(woken) }() // the test waits for woken
			synctest.Wait()
			select {
			case <-woken:
				t.Errorf("%s: nobody waited", name)
			default:
			}
			wake(d, &p, done)
			<-woken
		})
	}
}

func TestWithoutABoundDescriptorsDoNotMatter(t *testing.T) {
	var d *Descriptors
	d.opened()
	d.closed()
	d.await(nil)
	if d.short() || d.none() || d.lingerers() != maxLingering {
		t.Error("there are too few of what there is no end of")
	}
}

func TestThisProcessHasDescriptors(t *testing.T) {
	d := ProcessDescriptors()
	if d == nil {
		t.Skip("as many as it likes")
	}
	if others := d.others.value(); others < 3 || d.left() != d.limit-others {
		t.Errorf("%d are open, %d of %d left", others, d.left(), d.limit)
	}
}

// Of those that are listed, few may come and go with other tests meanwhile.
func TestDescriptorsAreCountedOrListed(t *testing.T) {
	counted, err1 := openDescriptors()
	listed, err2 := listDescriptors("/proc/self/fd")
	if err := errors.Join(err1, err2); err != nil {
		t.Skip(err)
	}
	if counted < 3 || max(counted-listed, listed-counted) > 20 {
		t.Errorf("%d are counted, %d listed", counted, listed)
	}
}

func TestAConnectionCountsUntilItIsClosed(t *testing.T) {
	ln, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Descriptors = newDescriptors(256, func() (int64, error) { return 0, nil })
	conn := acceptOne(t, ln)
	if n := ln.Descriptors.sockets.Load(); n != 1 {
		t.Errorf("%d are counted", n)
	}
	for range 2 {
		_ = conn.Close() // the second time it fails
	}
	if n := ln.Descriptors.sockets.Load(); n != 0 {
		t.Errorf("%d are counted in the end", n)
	}
	for range 2 {
		_ = ln.Close() // likewise
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// net/http gives up at errors that are not temporary.
func TestAcceptingGoesOnAfterWhateverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ln := &Listener{Log: slog.New(slog.NewTextHandler(&log, nil))}
		for range 3 {
			for _, errno := range []error{syscall.EMFILE, syscall.ENOBUFS, syscall.EPROTO} {
				err := ln.failed(&net.OpError{Op: "accept", Err: errno})
				if temporary, ok := err.(net.Error); !ok || !temporary.Temporary() || !errors.Is(err, errno) { //nolint:errorlint,staticcheck // as net/http asks
					t.Errorf("%v: it is over", err)
				}
			}
		}
		if err := ln.failed(net.ErrClosed); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("it is told %d times", n)
		}
		pass(tellEvery)
		_ = ln.failed(syscall.EMFILE)
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("after a minute it was told %d times", n)
		}
	})
}

func TestMemoryIsLookedAtNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, low := 0, true
		a := admission(AdmissionConfig{LowMemory: func() bool { looks++; return low }})
		for range 100 {
			enter(t, a, "192.0.2.1", lowMemory)
		}
		low = false
		pass(memoryEvery - time.Nanosecond)
		enter(t, a, "192.0.2.1", lowMemory)
		pass(time.Nanosecond)
		enter(t, a, "192.0.2.1", noSurplus)
		if looks != 2 {
			t.Errorf("it was looked at %d times", looks)
		}
	})
}

// What an address is over is told first: of all others the node may be short.
func TestOneAddressIsTooManyBeforeTheNodeIsShort(t *testing.T) {
	low := false
	a := admission(AdmissionConfig{AddressConnections: 1, LowMemory: func() bool { return low }})
	enter(t, a, "192.0.2.1", noSurplus)
	low, a.memory.looked = true, time.Time{}
	enter(t, a, "192.0.2.1", addressConnections)
	enter(t, a, "192.0.2.2", lowMemory)
}

func BenchmarkEnter(b *testing.B) {
	a := admission(AdmissionConfig{LowMemory: func() bool { return false }, Descriptors: ProcessDescriptors()})
	r := from("192.0.2.1")
	for b.Loop() {
		place, _ := a.enter(r)
		place.leave()
	}
}

func BenchmarkLookAtDescriptors(b *testing.B) {
	for name, look := range map[string]func() (int64, error){
		"counted": openDescriptors,
		"listed":  func() (int64, error) { return listDescriptors("/proc/self/fd") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := look(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
