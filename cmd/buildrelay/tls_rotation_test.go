package main_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// mounted is a folder as Kubernetes mounts a Secret: the files' names lead through ..data to
// the newest version.
type mounted struct {
	t        *testing.T
	folder   string
	versions int
}

func (m *mounted) file(name string) string { return filepath.Join(m.folder, name) }

// swap puts another version in the place of the one before, all at once.
func (m *mounted) swap(certFile, keyFile string) {
	m.t.Helper()
	m.versions++
	version := fmt.Sprintf("..%d", m.versions)
	m.do(os.Mkdir(m.file(version), 0o700))
	m.do(os.Link(certFile, m.file(version+"/tls.crt")))
	m.do(os.Link(keyFile, m.file(version+"/tls.key")))
	m.do(os.Symlink(version, m.file("..new")))
	m.do(os.Rename(m.file("..new"), m.file("..data")))
}

func (m *mounted) do(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// shaker makes one handshake after the other, and notes what it is shown.
type shaker struct {
	w             world
	config        *tls.Config
	shaken        atomic.Int64
	failed, shown sync.Map // errors; serial numbers
}

// run goes on until stop is closed.
func (s *shaker) run(stop <-chan struct{}) {
	again := time.NewTicker(time.Second / 50)
	defer again.Stop()
	for {
		select {
		case <-stop:
			return
		case <-again.C:
			s.shake()
		}
	}
}

func (s *shaker) shake() {
	dialer := tls.Dialer{Config: s.config}
	conn, err := dialer.Dial("tcp", s.w.Address)
	s.shaken.Add(1)
	if err != nil {
		s.failed.Store(err.Error(), true)
		return
	}
	defer conn.Close()
	s.shown.Store(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), true)
}

// F22: certificates are replaced while clients come, and others stay. One that is bad between
// them is nobody's business but the operator's.
func TestCertificatesRotateWithNobodyDropped(t *testing.T) {
	t.Parallel()
	rotations, sockets := 4, 30
	if relaytest.Full() {
		rotations, sockets = 20, 5000
	}
	a := relaytest.NewAuthority(t)
	m := &mounted{t: t, folder: t.TempDir()}
	m.do(os.Symlink("..data/tls.crt", m.file("tls.crt")))
	m.do(os.Symlink("..data/tls.key", m.file("tls.key")))
	first := a.Issue(nil)
	m.swap(first.CertFile, first.KeyFile)
	redis := relaytest.StartRedis(t)
	certs := &relaytest.Certs{CAFile: a.File, CertFile: m.file("tls.crt"), KeyFile: m.file("tls.key"), Pool: a.Pool}
	dir := filepath.Join(t.TempDir(), "data")
	w := world{relaytest.StartRelayTLS(t, certs, with(redis, map[string]string{"RELAY_DATA_DIR": dir})), redis}
	clients := make([]*relaytest.WSClient, sockets)
	for i := range clients {
		clients[i] = w.Connect()
		clients[i].Subscribe("news")
	}
	s := &shaker{w: w, config: certs.Client()}
	stop := make(chan struct{})
	var shaking sync.WaitGroup
	shaking.Go(func() { s.run(stop) })
	end := sync.OnceFunc(func() { close(stop); shaking.Wait() })
	defer end()
	slowest := rotate(t, w, m, a, s, rotations)
	end()
	s.failed.Range(func(err, _ any) bool {
		t.Errorf("a handshake failed: %v", err)
		return true
	})
	w.publish("after", "x", "news")
	for _, c := range clients {
		c.Expect("after") // nothing else came, such as an end
	}
	trail := audited{w.Relay, redis, dir}
	for _, success := range []string{"true", "false"} {
		trail.await(t, "relay.tls.reload", func(r auditRow) bool { return r["success"] == success && r.member(t, "payload", "use") == "listener" })
	}
	t.Logf("%d handshakes, %d open sockets, %d rotations; the slowest certificate was served after %v", s.shaken.Load(), sockets, rotations, slowest)
}

// rotate puts one certificate after the other in force, and a bad one in the middle. It
// returns the longest time that one took.
func rotate(t *testing.T, w world, m *mounted, a *relaytest.Authority, s *shaker, rotations int) (slowest time.Duration) {
	t.Helper()
	for i := range rotations {
		if i == rotations/2 {
			m.swap(a.Issue(nil).CertFile, a.Issue(nil).KeyFile)
			w.ExpectMetric(`buildrelay_certificate_good{use="listener"}`, "is 0", is(0))
			w.ExpectLog("TLS files are refused, what was in force stays", "use", "listener")
		}
		next := a.Issue(nil)
		begun := time.Now()
		m.swap(next.CertFile, next.KeyFile)
		if i%4 == 3 {
			w.Signal(syscall.SIGHUP) // the others are found by themselves
		}
		serial := next.Pair.Leaf.SerialNumber.String()
		w.Eventually("the next certificate is shown", func() bool {
			_, shown := s.shown.Load(serial)
			return shown
		})
		slowest = max(slowest, time.Since(begun))
		w.ExpectMetric(`buildrelay_certificate_good{use="listener"}`, "is 1", is(1))
		w.ExpectMetric(`buildrelay_certificate_expiry_timestamp_seconds{use="listener"}`, "is the new one's", is(float64(next.Pair.Leaf.NotAfter.Unix())))
	}
	return slowest
}
