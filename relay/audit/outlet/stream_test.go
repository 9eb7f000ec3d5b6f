package outlet_test

import (
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

// byStream runs a test against a server by TCP and by TLS. The outlets do not run yet.
func byStream(t *testing.T, test func(t *testing.T, kind string, server *syslogServer, r *rig)) {
	t.Helper()
	certs, secure := newCerts(t)
	for kind, config := range map[string]*tls.Config{"syslog+tcp": nil, "syslog+tls": secure} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := newSyslogServer(t, config)
			test(t, kind, server, newStreamRig(t, newTrail(t), kind, server, certs.Pool))
		})
	}
}

func newStreamRig(t *testing.T, s *trail, kind string, server *syslogServer, roots *x509.CertPool) *rig {
	t.Helper()
	r := newRig(t, s, nil, kind+"://"+server.address)
	r.Hurry(30 * time.Millisecond)
	r.Trust(roots)
	return r
}

func TestAStreamHasAllRecordsInOrderByteForByteAndAHead(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, kind string, server *syslogServer, r *rig) {
		want := r.trail.add(t, 250)
		r.run(t)
		server.await(r, 250)
		want = append(want, r.trail.add(t, 1)...)
		r.Wake()
		server.await(r, 251)
		r.stop()
		records, heads := split(t, server.got())
		expectOnce(t, want, records)
		r.trail.checkHeads(t, heads, 2) // of the start and of the end
		if last := heads[1]; last.Seq != 251 || last.Key != r.trail.key.ID() {
			t.Errorf("the last head is %+v", last)
		}
		if r.delivered(kind) != 251 || r.failed(kind) != 0 || r.lag(kind) != 0 {
			t.Errorf("delivered %v, failed %v, lag %v", r.delivered(kind), r.failed(kind), r.lag(kind))
		}
		if r.log.String() != "" {
			t.Errorf("the log says %s", r.log)
		}
	})
}

func TestAServerThatIsDownGetsEverythingOnceItIsUp(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, kind string, server *syslogServer, r *rig) {
		server.stop()
		want := r.trail.add(t, 150)
		r.run(t)
		relaytest.Eventually(t, "it is tried often", func() bool { return r.failed(kind) >= 5 && r.lag(kind) == 150 })
		if n := r.log.times("level=ERROR"); n != 1 || r.log.times(`reason="connection refused"`) != 1 {
			t.Errorf("the log says %s", r.log)
		}
		server.start()
		want = append(want, r.trail.add(t, 100)...)
		r.Wake()
		expectAll(t, want, server.await(r, 250))
		relaytest.Eventually(t, "the log says so", func() bool { return r.log.times("takes audit records again") == 1 })
		relaytest.Eventually(t, "there is no lag", func() bool { return r.lag(kind) == 0 })
	})
}

// The last bytes that a kernel took are those that get lost.
func TestAServerThatCutsAnywhereGetsEverythingInOrder(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, kind string, server *syslogServer, r *rig) {
		server.cut = func(n int) int {
			if n > 40 {
				return 1 << 30
			}
			return rand.IntN(4000)
		}
		r.run(t)
		var want []string
		for len(want) < 300 {
			want = append(want, r.trail.add(t, 3)...)
			r.Wake()
			from := server.connections()
			relaytest.Eventually(t, "it connects", func() bool { return server.connections() > from || r.cursor(r.targets[0]) == int64(len(want)) })
		}
		expectAll(t, want, server.await(r, 300))
		if r.failed(kind) < 10 {
			t.Errorf("only %v cuts were seen", r.failed(kind))
		}
	})
}

// It ends a connection whenever it likes, having read all that came so far.
func TestAServerThatEndsConnectionsOnItsOwnLosesNothing(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, _ string, server *syslogServer, r *rig) {
		server.does(func(n int, conn net.Conn) {
			if secure, ok := conn.(*tls.Conn); ok {
				_ = secure.HandshakeContext(t.Context()) // how long that takes is the machine's business
			}
			if n <= 40 {
				_ = conn.SetReadDeadline(time.Now().Add(rand.N(10 * time.Millisecond)))
			}
			server.read(conn)
		})
		r.Hurry(5 * time.Millisecond)
		r.run(t)
		var want []string
		for len(want) < 200 {
			want = append(want, r.trail.add(t, 1)...)
			r.Wake()
			if len(want)%10 == 0 {
				relaytest.Eventually(t, "they come", func() bool { return len(server.got()) >= len(want)*9/10 })
			}
		}
		expectAll(t, want, server.await(r, 200))
	})
}

func TestAServerThatDoesNotReadIsGivenUpAndTriedAgain(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, kind string, server *syslogServer, r *rig) {
		release := make(chan struct{})
		server.does(func(int, net.Conn) { <-release })
		want := r.trail.add(t, 20)
		r.Answer(50 * time.Millisecond)
		r.run(t)
		relaytest.Eventually(t, "it is tried again", func() bool { return r.failed(kind) >= 3 })
		if r.cursor(r.targets[0]) != 0 {
			t.Error("what nobody read counts as delivered")
		}
		server.does(nil)
		close(release)
		expectAll(t, want, server.await(r, 20))
		if n := r.log.times("level=ERROR"); n == 0 || n > 3 || r.log.times("again") < 2 {
			t.Errorf("the log says %s", r.log)
		}
	})
}

// Whoever reads and keeps the connection may have read nothing: one cannot know.
func TestAServerThatKeepsAConnectionIsToldInTheLog(t *testing.T) {
	t.Parallel()
	server := newSyslogServer(t, nil)
	release := make(chan struct{})
	defer close(release)
	server.does(func(_ int, conn net.Conn) {
		server.read(conn)
		<-release
	})
	r := newStreamRig(t, newTrail(t), "syslog+tcp", server, nil)
	r.Answer(20 * time.Millisecond)
	r.run(t)
	relaytest.Eventually(t, "the log says so", func() bool { return r.log.times("does not end the connection") == 1 })
}

func TestAHungServerHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	hung, well := newSyslogServer(t, nil), newSyslogServer(t, nil)
	release := make(chan struct{})
	defer close(release)
	hung.does(func(int, net.Conn) { <-release })
	r := newRig(t, newTrail(t), nil, "syslog+tcp://"+hung.address+",syslog+tcp://"+well.address)
	r.Hurry(10 * time.Millisecond)
	r.Flush(10 * time.Millisecond)
	want := r.trail.add(t, 1500)
	r.run(t)
	expectOnce(t, want, well.await(r, 1500))
	if r.cursor(r.targets[0]) != 0 || r.lag("syslog+tcp") != 1500 {
		t.Errorf("the other's cursor is at %d, the lag is %v", r.cursor(r.targets[0]), r.lag("syslog+tcp"))
	}
}

func TestAServerThatIsNotWhatItShouldBeGetsNothing(t *testing.T) {
	t.Parallel()
	certs, secure := newCerts(t)
	others, _ := newCerts(t)
	cases := map[string]struct {
		config *tls.Config
		roots  *x509.CertPool
		host   string
		reason string
	}{
		"no TLS":            {nil, certs.Pool, "", "speaks no TLS"},
		"another authority": {secure, others.Pool, "", "unknown authority"},
		"another name":      {secure, certs.Pool, "127.0.0.2", "for another name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newSyslogServer(t, c.config)
			server.does(func(_ int, conn net.Conn) {
				if c.config == nil {
					_, _ = conn.Write([]byte("hello, here is no TLS\n"))
				}
				server.read(conn)
			})
			if c.host != "" {
				server.stop()
				server.address = c.host + ":0"
				server.start()
			}
			s := newTrail(t)
			s.add(t, 3)
			r := newStreamRig(t, s, "syslog+tls", server, c.roots).run(t)
			relaytest.Eventually(t, "the log says why", func() bool { return strings.Contains(r.log.String(), c.reason) })
			if got := server.got(); len(got) != 0 {
				t.Errorf("it got %q", got)
			}
		})
	}
}

func TestARestartGoesOnFromTheCursor(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, kind string, server *syslogServer, r *rig) {
		want := r.trail.add(t, 120)
		r.run(t)
		server.await(r, 120)
		r.stop()
		want = append(want, r.trail.add(t, 30)...)
		certs := r.Roots()
		again := newStreamRig(t, r.trail, kind, server, certs).run(t)
		server.await(again, 150)
		again.stop()
		records, heads := split(t, server.got())
		expectOnce(t, want, records)
		seqs := make([]int64, 0, len(heads))
		for _, head := range heads {
			seqs = append(seqs, head.Seq)
		}
		if !slices.IsSorted(seqs) || seqs[len(seqs)-1] != 150 {
			t.Errorf("heads of %v", seqs)
		}
	})
}

// What was committed when the end came is flushed: also what waits for a turn to be full.
func TestTheEndFlushesWhatIsCommitted(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, _ string, server *syslogServer, r *rig) {
		r.Hurry(time.Hour)
		r.Flush(time.Minute)
		want := r.trail.add(t, 10)
		r.run(t)
		relaytest.Eventually(t, "some are there", func() bool { return len(server.got()) == 10 })
		if r.cursor(r.targets[0]) != 0 {
			t.Error("the cursor moved before the turn was settled")
		}
		want = append(want, r.trail.add(t, 1234)...) // and nobody wakes it
		r.stop()
		records, heads := split(t, server.got())
		expectOnce(t, want, records)
		r.trail.checkHeads(t, heads, 2) // of the first turn and of the end
		if last := heads[len(heads)-1].Seq; last != 1244 {
			t.Errorf("the last head is of %d", last)
		}
		if got := r.cursor(r.targets[0]); got != 1244 {
			t.Errorf("the cursor is at %d", got)
		}
	})
}

func TestARecordOfTheLargestSizeComesThrough(t *testing.T) {
	t.Parallel()
	byStream(t, func(t *testing.T, _ string, server *syslogServer, r *rig) {
		record := audit.New(time.Now(), "user.create", map[string]any{"x": strings.Repeat("漢", 10_000)})
		entry := mustEncode(t, record)
		last := r.trail.key.Next(audit.Link{Chain: chain}, entry.Line)
		r.trail.records = []audit.Stored{{Chain: chain, Seq: 1, MAC: last.MAC, Entry: entry}}
		r.run(t)
		expectOnce(t, []string{string(entry.Line)}, server.await(r, 1))
	})
}
