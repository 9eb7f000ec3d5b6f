// Package pebble runs Pebble, the small ACME server for tests of those who make Let's Encrypt,
// in the test's own process.
package pebble

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"log" //nolint:depguard // Pebble's own
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

// Server is a running Pebble. Every name leads to 127.0.0.1 for it.
type Server struct {
	// Directory is its URL, CAFile the PEM file with who signed its own certificate, and CA the
	// same.
	Directory, CAFile string
	CA                *x509.CertPool
	// Roots sign the certificates that it gives.
	Roots *x509.CertPool
}

// Start starts a server that asks for hosts at a port of 127.0.0.1, and gives certificates for
// so long. It ends with the test. A test that starts one is not parallel: it sets the
// environment.
func Start(t testing.TB, port int, lifetime time.Duration) *Server {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0") // the library would wait for seconds
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	logger, kept := log.New(io.Discard, "", 0), db.NewMemoryStore()
	profiles := map[string]ca.Profile{"default": {ValidityPeriod: uint64(lifetime / time.Second)}}
	authority := ca.New(logger, kept, "", "ecdsa", 0, 1, profiles)
	validation := va.New(logger, 0, port, true, startDNS(t), kept)
	front := wfe.New(logger, kept, validation, authority, []string{"pebble.example.com"}, true, false, 1, 1)
	https := httptest.NewUnstartedServer(front.Handler())
	https.Config.ErrorLog = logger
	https.StartTLS()
	t.Cleanup(https.Close)
	s := &Server{
		Directory: https.URL + wfe.DirectoryPath, CAFile: filepath.Join(t.TempDir(), "pebble-ca.pem"),
		CA: x509.NewCertPool(), Roots: x509.NewCertPool(),
	}
	s.CA.AddCert(https.Certificate())
	s.Roots.AppendCertsFromPEM(authority.GetRootCert(0).PEM())
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw})
	if err := os.WriteFile(s.CAFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// startDNS starts a name server for which every name is this machine's.
func startDNS(t testing.TB) (address string) {
	t.Helper()
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(answer)}
	ended := make(chan struct{})
	go func() { // the cleanup waits for it
		defer close(ended)
		_ = server.ActivateAndServe() // it ends with its listener
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

func answer(w dns.ResponseWriter, question *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(question)
	for _, q := range question.Question {
		if q.Qtype == dns.TypeA {
			header := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
			reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		}
	}
	_ = w.WriteMsg(reply) // who asked asks again
}
