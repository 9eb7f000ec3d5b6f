package transport

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// descriptorsEvery is the time between two looks at all descriptors of the process, which
	// takes milliseconds where they are many and Linux is old.
	descriptorsEvery = time.Second
	// The reserve is an eighth of all, within these.
	leastReserve, mostReserve = 64, 1024
)

// Descriptors are the file descriptors that a process may have. The connections of its
// [Listener]s are counted; what there is beside them is looked at now and then. A reserve is
// kept from new clients: one half of it is for telling them so and for the HTTP API, the
// other is never given to whoever connects, since Redis and metrics need some. A nil
// Descriptors has no end.
type Descriptors struct {
	limit, reserve int64
	sockets        atomic.Int64  // the listeners' connections
	others         watched       // all the rest
	freed          chan struct{} // a connection was closed since somebody last waited
}

// ProcessDescriptors returns those of this process.
func ProcessDescriptors() *Descriptors {
	var limit syscall.Rlimit // which Go has raised as far as it may
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<30 {
		return nil
	}
	return newDescriptors(int64(limit.Cur), openDescriptors)
}

// newDescriptors is for a process that has so many open, of the limit.
func newDescriptors(limit int64, open func() (int64, error)) *Descriptors {
	d := &Descriptors{limit: limit, freed: make(chan struct{}, 1)}
	d.reserve = min(max(limit/8, leastReserve), mostReserve, limit/2)
	d.others.every = descriptorsEvery
	d.others.look = func() int64 {
		sockets := d.sockets.Load()
		n, err := open()
		if err != nil { // there may be none left to look with
			return d.others.seen.Load()
		}
		return max(0, n-sockets)
	}
	d.others.value()
	return d
}

// openDescriptors counts those that the process has. It fails where there is no Linux.
func openDescriptors() (int64, error) {
	const all = "/proc/self/fd"
	if info, err := os.Stat(all); err == nil && info.Size() > 0 {
		return info.Size(), nil // Linux 6.2 counts for us
	}
	return listDescriptors(all)
}

func listDescriptors(all string) (int64, error) {
	dir, err := os.Open(all)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return int64(len(names) - 1), err // without dir itself
}

// short says that nothing but the reserve is left.
func (d *Descriptors) short() bool { return d != nil && d.left() < d.reserve }

// none says that nothing is left for whoever connects.
func (d *Descriptors) none() bool { return d != nil && d.left() <= d.reserve/2 }

func (d *Descriptors) left() int64 { return d.limit - d.sockets.Load() - d.others.value() }

// lingerers is how many clients that were refused may have the time to close.
func (d *Descriptors) lingerers() int64 {
	if d == nil {
		return maxLingering
	}
	return min(maxLingering, d.reserve/4)
}

// await waits until there is one for a connection, or until done.
func (d *Descriptors) await(done <-chan struct{}) {
	for d.none() {
		select {
		case <-d.freed:
		case <-time.After(descriptorsEvery): // others may have become fewer
		case <-done:
			return
		}
	}
}

// opened counts a connection.
func (d *Descriptors) opened() {
	if d != nil {
		d.sockets.Add(1)
	}
}

// closed counts a connection that is no more.
func (d *Descriptors) closed() {
	if d == nil {
		return
	}
	d.sockets.Add(-1)
	select {
	case d.freed <- struct{}{}:
	default:
	}
}
