package outlet_test

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	syslog "github.com/leodido/go-syslog/v4"
	"github.com/leodido/go-syslog/v4/octetcounting"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"buildrelay/relay/relaytest"
)

// syslogServer is one by TCP or TLS.
type syslogServer struct {
	t       testing.TB
	address string
	secure  *tls.Config

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	accepted int
	messages []string
	// serve is what is done with the n-th connection; nil: it is read to its end.
	serve func(n int, conn net.Conn)
	// cut is after how many bytes the n-th connection is cut; nil: never.
	cut func(n int) int
	all sync.WaitGroup
}

// cutConn is of a server that is killed: what it has not read is lost.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		_ = c.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// newSyslogServer makes a server that does not run yet.
func newSyslogServer(t testing.TB, secure *tls.Config) *syslogServer {
	t.Helper()
	s := &syslogServer{t: t, secure: secure, address: "127.0.0.1:0", conns: make(map[net.Conn]bool)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func newCerts(t testing.TB) (*relaytest.Certs, *tls.Config) {
	t.Helper()
	certs := relaytest.NewCerts(t)
	pair, err := tls.LoadX509KeyPair(certs.CertFile, certs.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	return certs, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// start listens, at the same address as before.
func (s *syslogServer) start() {
	s.t.Helper()
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	s.mu.Lock()
	s.listener = listener
	s.mu.Unlock()
	s.all.Go(func() { s.accept(listener) })
}

func (s *syslogServer) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.accepted++
		n, serve := s.accepted, s.serve
		s.conns[conn] = true
		if s.cut != nil {
			conn = &cutConn{Conn: conn, left: s.cut(n)}
		}
		s.mu.Unlock()
		if s.secure != nil {
			conn = tls.Server(conn, s.secure)
		}
		if serve == nil {
			serve = func(_ int, conn net.Conn) { s.read(conn) }
		}
		s.all.Go(func() {
			serve(n, conn)
			_ = conn.Close()
		})
	}
}

// read collects messages until there are no more.
func (s *syslogServer) read(from io.Reader) {
	octetcounting.NewParser(syslog.WithMaxMessageLength(1<<20), syslog.WithListener(func(r *syslog.Result) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if m, ok := r.Message.(*rfc5424.SyslogMessage); ok && r.Error == nil && m.Message != nil {
			s.messages = append(s.messages, *m.Message)
		}
	})).Parse(from)
}

// stop cuts everything.
func (s *syslogServer) stop() {
	s.mu.Lock()
	_ = s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

// does makes it do something else with the connections that come from now on.
func (s *syslogServer) does(serve func(n int, conn net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve = serve
}

func (s *syslogServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

func (s *syslogServer) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// await waits until so many different records have come, and settled, and returns all.
func (s *syslogServer) await(r *rig, n int) []string {
	s.t.Helper()
	target := r.targets[len(r.targets)-1]
	relaytest.Eventually(s.t, "all records are there", func() bool {
		records, _ := split(s.t, s.got())
		return len(firsts(records)) >= n && r.cursor(target) >= int64(n)
	})
	records, _ := split(s.t, s.got())
	return records
}
