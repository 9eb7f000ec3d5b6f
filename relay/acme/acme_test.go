package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/acme"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/relaytest/pebble"
	"buildrelay/relay/server"
)

// rig is a listener whose certificates come from Pebble.
type rig struct {
	t            *testing.T
	pebble       *pebble.Server
	address      string
	folder       string
	certificates *acme.Certificates
	log          *lockedBuffer
	stop         func() // ends Run and the listener

	mu      sync.Mutex
	changes []acme.Change
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const host = "relay.example.com"

func newRig(t *testing.T, lifetime time.Duration, change func(*acme.Config)) *rig {
	t.Helper()
	r := &rig{t: t, log: &lockedBuffer{}, folder: filepath.Join(t.TempDir(), "acme")}
	log := slog.New(slog.NewJSONHandler(r.log, nil))
	s := server.New(http.NotFoundHandler(), log)
	config := server.TLS(func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return r.certificates.Get(hello) })
	config.NextProtos = append(config.NextProtos, acme.Protocol)
	address, err := s.Listen(t.Context(), "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	r.address = address.String()
	r.pebble = pebble.Start(t, address.(*net.TCPAddr).Port, lifetime)
	c := acme.Config{Directory: r.pebble.Directory, Hosts: []string{host}, Email: "ops@example.com", Roots: func() *x509.CertPool { return r.pebble.CA }, Folder: r.folder}
	if change != nil {
		change(&c)
	}
	if r.certificates, err = acme.New(c); err != nil {
		t.Fatal(err)
	}
	r.certificates.Metrics, r.certificates.Log = metrics.New(prometheus.NewRegistry()), log
	r.certificates.Changed = r.note
	r.start(s)
	return r
}

// start serves until the test ends, or stop is called.
func (r *rig) start(s *server.Server) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { r.certificates.Run(ctx) })
	running.Go(func() {
		if err := s.Serve(ctx); err != nil {
			r.t.Error(err)
		}
	})
	r.stop = func() { cancel(); running.Wait() }
	r.t.Cleanup(r.stop)
}

func (r *rig) note(c acme.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c)
}

func (r *rig) told() []acme.Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]acme.Change(nil), r.changes...)
}

// shake is a client's handshake; the error is why it failed.
func (r *rig) shake(serverName string, protocols ...string) (*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), relaytest.Patience)
	defer cancel()
	d := tls.Dialer{Config: &tls.Config{
		RootCAs: r.pebble.Roots, ServerName: serverName, NextProtos: protocols, InsecureSkipVerify: serverName == "",
	}}
	conn, err := d.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func (r *rig) awaitCertificate(host string) *x509.Certificate {
	r.t.Helper()
	var c *x509.Certificate
	relaytest.Eventually(r.t, "there is a certificate for "+host+", "+r.log.String(), func() bool {
		var err error
		c, err = r.shake(host)
		return err == nil
	})
	return c
}

func TestCertificatesComeFromTheConfiguredDirectoryForTheConfiguredHosts(t *testing.T) {
	const second = "ci.example.com"
	r := newRig(t, time.Hour, func(c *acme.Config) { c.Hosts = append(c.Hosts, strings.ToUpper(second)) })
	r.awaitCertificate(host)
	r.awaitCertificate(second)
	for _, other := range []string{"elsewhere.example.com", "example.com", "a.relay.example.com"} {
		if c, err := r.shake(other); err == nil {
			t.Errorf("who asks for %s is shown a certificate of %v", other, c.DNSNames)
		}
	}
	if c, err := r.shake(""); err != nil || c.DNSNames[0] != host {
		t.Errorf("who asks for no host is shown %v, %v", c, err)
	}
	if _, err := r.shake(host, acme.Protocol, "http/1.1"); err == nil {
		t.Error("who is no ACME server has its protocol")
	}
	if _, err := r.shake(host, acme.Protocol); err == nil {
		t.Error("an answer is shown to a question that nobody asked")
	}
	relaytest.Eventually(t, "the metrics say that all is good", func() bool {
		return testutil.ToFloat64(r.certificates.Metrics.CertificateGood.WithLabelValues("acme")) == 1
	})
	if left := time.Until(time.Unix(int64(testutil.ToFloat64(r.certificates.Metrics.CertificateExpiry.WithLabelValues("acme"))), 0)); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the metrics say that the first expires in %v", left)
	}
	if told := r.told(); len(told) != 2 || told[0].Err != nil || told[0].After == "" || told[1].After == told[0].After {
		t.Errorf("told %+v", told)
	}
}

func TestWhatIsKeptIsUsedAfterAStartAndNobodyElseMayReadIt(t *testing.T) {
	r := newRig(t, time.Hour, nil)
	before := r.awaitCertificate(host)
	r.stop()
	err := filepath.WalkDir(r.folder, func(path string, d fs.DirEntry, err error) error {
		if info, statErr := os.Stat(path); err != nil || statErr != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v: others may read it", path, info, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := acme.New(acme.Config{Directory: "https://127.0.0.1:1/nobody", Hosts: []string{host}, Folder: r.folder})
	if err != nil {
		t.Fatal(err)
	}
	again.Metrics, again.Log = metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { again.Run(ctx) })
	defer running.Wait()
	defer cancel()
	relaytest.Eventually(t, "the certificate is there again", func() bool {
		c, err := again.Get(&tls.ClientHelloInfo{ServerName: host})
		return err == nil && c.Leaf.Equal(before)
	})
}

func TestACertificateIsRenewedBeforeItExpires(t *testing.T) {
	if !relaytest.Full() {
		t.Skip("waits for most of a short life: RELAY_TEST_FULL=1 runs it")
	}
	r := newRig(t, 20*time.Second, nil)
	first := r.awaitCertificate(host)
	relaytest.Eventually(t, "there is another certificate", func() bool {
		c, err := r.shake(host)
		if err != nil {
			t.Fatalf("a handshake in between fails: %v\n%s", err, r.log.String())
		}
		return !c.Equal(first)
	})
	if !time.Now().Before(first.NotAfter) {
		t.Error("the first has expired by then")
	}
}

func TestThatACertificateCannotBeHadIsToldAndNobodyWaits(t *testing.T) {
	for name, change := range map[string]func(*acme.Config){
		"a directory that is not trusted": func(c *acme.Config) { c.Roots = x509.NewCertPool },
		"nobody there":                    func(c *acme.Config) { c.Directory = "https://127.0.0.1:1/directory" },
		"no directory":                    func(c *acme.Config) { c.Directory += "/nothing" },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, time.Hour, change)
			if _, err := r.shake(host); err == nil {
				t.Error("there is a certificate")
			}
			relaytest.Eventually(t, "it is told", func() bool { return len(r.told()) == 1 })
			if c := r.told()[0]; c.Err == nil || c.Host != host || c.After != "" {
				t.Errorf("told %+v", c)
			}
			if !strings.Contains(r.log.String(), "gives no certificate") || !strings.Contains(r.log.String(), host) {
				t.Errorf("it is not logged: %s", r.log.String())
			}
			if testutil.ToFloat64(r.certificates.Metrics.CertificateGood.WithLabelValues("acme")) != 0 {
				t.Error("the metrics say that all is good")
			}
		})
	}
}

func TestAFolderThatOthersMayReadIsRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := acme.New(acme.Config{Hosts: []string{host}, Folder: folder}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("got %v", err)
	}
}

func TestHostsAndDirectoriesAreChecked(t *testing.T) {
	t.Parallel()
	for list, ok := range map[string]bool{
		"relay.example.com": true, "Relay.Example.COM ci.example.com": true, "xn--bcher-kva.example.com": true,
		"": false, "localhost": false, "*.example.com": false, "192.0.2.7": false, "relay.example.com:443": false, "https://relay.example.com": false,
		"bücher.example.com": false, "a..b": false, "-a.example.com": false, "../../etc.passwd": false, "relay.example.com RELAY.example.com": false,
		strings.Repeat("a.", 130) + "com": false,
	} {
		if err := acme.CheckHosts(strings.Fields(list)); (err == nil) != ok {
			t.Errorf("%.60q: %v, want that it will do: %v", list, err, ok)
		}
	}
	for directory, ok := range map[string]bool{
		"https://ca.example.com/acme/directory": true, "http://ca.example.com/directory": false, "ca.example.com": false, "https://": false,
		"https://user:password@ca.example.com/": false, "%": false,
	} {
		if err := acme.CheckDirectory(directory); (err == nil) != ok {
			t.Errorf("%q: %v, want that it will do: %v", directory, err, ok)
		}
	}
}
