package outlet

import (
	"math/rand/v2"
	"time"
)

// times are how long things take, at the most.
type times struct {
	// bucket and stream are turns to a bucket, and to a syslog server by TCP or TLS.
	bucket, stream time.Duration
	// datagram is how long one waits to hear that nobody listens.
	datagram time.Duration
	// answer is for a step of a syslog server or of a write to stdout, put for an object.
	answer, put time.Duration
	// head is the pause between two heads, idle between two looks at a chain of which
	// nothing was heard: another process may write it too.
	head, idle time.Duration
	// flush is for the end of Run.
	flush time.Duration
	// first and longest are pauses after something failed.
	first, longest time.Duration
}

func usual() times {
	return times{
		bucket: time.Minute, stream: 10 * time.Second,
		datagram: 50 * time.Millisecond,
		answer:   10 * time.Second, put: 30 * time.Second,
		head: time.Hour, idle: 30 * time.Second,
		flush: 5 * time.Second,
		first: 250 * time.Millisecond, longest: 30 * time.Second,
	}
}

// pause is how long to wait after so many tries: about twice as long after each, so that
// nodes and targets do not try in step.
func (t times) pause(tries int) time.Duration {
	pause := t.longest
	if doublings := tries - 1; doublings < 16 {
		pause = min(pause, t.first<<doublings)
	}
	return pause/2 + rand.N(pause/2+1)
}

// measure is what a turn may hold before it is settled.
type measure struct {
	records, bytes int
	lasts          time.Duration
}

const (
	// mostRecords and mostBytes are of a turn, and so of an object.
	mostRecords = 1000
	mostBytes   = 4 << 20
	// mostDatagrams are so few that a receiver's usual buffer holds them.
	mostDatagrams = 50
	// mostRead is how many records are read at once.
	mostRead = 100
)

func (t times) measure(kind string) measure {
	switch kind {
	case kindS3:
		return measure{mostRecords, mostBytes, t.bucket}
	case kindSyslogTCP, kindSyslogTLS:
		return measure{mostRecords, mostBytes, t.stream}
	case kindSyslogUDP:
		return measure{mostDatagrams, mostBytes, 0}
	}
	return measure{mostRecords, mostBytes, 0}
}
