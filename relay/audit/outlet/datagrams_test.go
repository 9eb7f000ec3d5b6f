package outlet_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
)

// datagramServer collects what comes to an address by UDP.
type datagramServer struct {
	address string
	conn    net.PacketConn
	got     *buffer // lines
	read    chan struct{}
	t       testing.TB
}

func newDatagramServer(t testing.TB) *datagramServer {
	t.Helper()
	s := &datagramServer{address: "127.0.0.1:0", got: &buffer{}, t: t}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *datagramServer) start() {
	s.t.Helper()
	conn, err := net.ListenPacket("udp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn, s.address, s.read = conn, conn.LocalAddr().String(), make(chan struct{})
	// stop waits for it.
	go func() {
		defer close(s.read)
		datagram := make([]byte, 1<<16)
		for {
			n, _, err := conn.ReadFrom(datagram)
			if err != nil {
				return
			}
			_, _ = s.got.Write([]byte(*parseMessage(s.t, string(datagram[:n])).Message + "\n"))
		}
	}()
}

func (s *datagramServer) stop() {
	_ = s.conn.Close()
	<-s.read
}

func (s *datagramServer) await(n int) []string {
	s.t.Helper()
	relaytest.Eventually(s.t, "all records are there", func() bool {
		records, _ := split(s.t, s.got.lines())
		return len(firsts(records)) >= n
	})
	records, _ := split(s.t, s.got.lines())
	return records
}

func TestDatagramsHaveAllRecordsInOrderByteForByteAndAHead(t *testing.T) {
	t.Parallel()
	server := newDatagramServer(t)
	r := newRig(t, newTrail(t), nil, "syslog+udp://"+server.address)
	r.Hurry(0)
	want := r.trail.add(t, 120)
	r.run(t)
	expectOnce(t, want, server.await(120))
	r.stop()
	_, heads := split(t, server.got.lines())
	if len(heads) == 0 || heads[len(heads)-1].Seq != 120 {
		t.Errorf("heads: %v", heads)
	}
	r.trail.checkHeads(t, heads, len(heads))
	if r.delivered("syslog+udp") != 120 || r.cursor(r.targets[0]) != 120 || r.log.String() != "" {
		t.Errorf("delivered %v; the log says %s", r.delivered("syslog+udp"), r.log)
	}
}

// Its machine says that nobody listens. What came before that is not known to be lost, and is
// sent again.
func TestNobodyWhoListensGetsEverythingOnceSomebodyDoes(t *testing.T) {
	t.Parallel()
	server := newDatagramServer(t)
	server.stop()
	r := newRig(t, newTrail(t), nil, "syslog+udp://"+server.address)
	r.Hurry(0)
	want := r.trail.add(t, 70)
	r.run(t)
	relaytest.Eventually(t, "it is tried often", func() bool { return r.failed("syslog+udp") >= 5 })
	if r.cursor(r.targets[0]) != 0 || r.log.times("level=ERROR") != 1 || r.log.times(`reason="connection refused"`) != 1 {
		t.Errorf("the cursor is at %d, the log says %s", r.cursor(r.targets[0]), r.log)
	}
	server.start()
	expectAll(t, want, server.await(70))
	relaytest.Eventually(t, "the cursor moves", func() bool { return r.cursor(r.targets[0]) == 70 })
}

// It would hold up those after it for ever.
func TestAMessageThatNoDatagramHoldsIsCut(t *testing.T) {
	t.Parallel()
	server := newDatagramServer(t)
	s := newTrail(t)
	big := mustEncode(t, audit.New(time.Now(), "user.create", map[string]any{"x": strings.Repeat("x", 70_000)}))
	link := s.key.Next(audit.Link{Chain: chain}, big.Line)
	s.records = []audit.Stored{{Chain: chain, Seq: 1, MAC: link.MAC, Entry: big}}
	next := s.add(t, 1)
	r := newRig(t, s, nil, "syslog+udp://"+server.address)
	r.Hurry(0)
	r.run(t)
	got := server.await(2)
	if !strings.HasPrefix(string(big.Line), got[0]) || len(got[0]) < 65_000 || got[1] != next[0] {
		t.Errorf("%d bytes of the big one came, then %q", len(got[0]), got[1])
	}
}
