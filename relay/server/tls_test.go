package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
	"buildrelay/relay/server"
)

// serveTLS serves a handler until the test ends, over TLS unless config is nil, and returns the
// address.
func serveTLS(t *testing.T, handler http.Handler, config *tls.Config) string {
	t.Helper()
	s := server.New(handler, slog.New(slog.DiscardHandler))
	address, err := s.Listen(t.Context(), "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }() // the cleanup waits for it
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return address.String()
}

// always shows one certificate.
func always(c tls.Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &c, nil }
}

// withRSA is a certificate as the authority issues it, but with an RSA key, which the ciphers
// of old go with.
func withRSA(t *testing.T, a *relaytest.Authority) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := a.Issue(nil).Pair.Leaf
	template.KeyUsage |= x509.KeyUsageKeyEncipherment
	der, err := x509.CreateCertificate(rand.Reader, template, a.Cert, key.Public(), a.Key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOnlyTLSOfTodayIsServed(t *testing.T) {
	t.Parallel()
	a := relaytest.NewAuthority(t)
	for kind, certificate := range map[string]tls.Certificate{"ECDSA": a.Issue(nil).Pair, "RSA": withRSA(t, a)} {
		address := serveTLS(t, name("any"), server.TLS(always(certificate)))
		aead := map[uint16]bool{}
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			if suite.SupportedVersions[0] == tls.VersionTLS13 {
				continue
			}
			err := shake(t, address, &tls.Config{RootCAs: a.Pool, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
			isAEAD := strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "POLY1305")
			want := isAEAD && strings.Contains(suite.Name, "ECDHE_"+kind)
			if aead[suite.ID] = err == nil; aead[suite.ID] != want {
				t.Errorf("%s with %s: %v, want that it is served: %v", suite.Name, kind, err, want)
			}
		}
		for version, want := range map[uint16]bool{
			tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
		} {
			err := shake(t, address, &tls.Config{RootCAs: a.Pool, MinVersion: version, MaxVersion: version})
			if (err == nil) != want {
				t.Errorf("%s with %s: %v, want that it is served: %v", tls.VersionName(version), kind, err, want)
			}
		}
	}
}

func TestOnlyHTTP1IsServed(t *testing.T) {
	t.Parallel()
	a := relaytest.NewAuthority(t)
	address := serveTLS(t, name("any"), server.TLS(always(a.Issue(nil).Pair)))
	for offer, want := range map[string]bool{"": true, "http/1.1": true, "h2 http/1.1": true, "h2": false, "acme-tls/1": false} {
		err := shake(t, address, &tls.Config{RootCAs: a.Pool, NextProtos: strings.Fields(offer)})
		if (err == nil) != want {
			t.Errorf("who offers %q: %v, want that it is served: %v", offer, err, want)
		}
	}
}

// shake connects, and asks for something.
func shake(t *testing.T, address string, config *tls.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	text, err := io.ReadAll(conn)
	if err == nil && !bytes.HasPrefix(text, []byte("HTTP/1.")) {
		t.Errorf("the answer is %q", text)
	}
	return err
}

// What Go's own client cannot ask for OpenSSL's can.
func TestNoRenegotiationAndNoEarlyData(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is not installed: run .ci/setup openssl")
	}
	a := relaytest.NewAuthority(t)
	address := serveTLS(t, name("any"), server.TLS(always(a.Issue(nil).Pair)))
	if said := openssl(t, address, "R\n", "-tls1_2"); !strings.Contains(said, "no renegotiation") && !strings.Contains(said, "unexpected message") {
		t.Errorf("who asks for another handshake is told: %s", said)
	}
	said := openssl(t, address, "GET / HTTP/1.0\r\n\r\n", "-tls1_3", "-ign_eof")
	if !strings.Contains(said, "200 OK") || !strings.Contains(said, "Max Early Data: 0") {
		t.Errorf("early data may be sent, or there is no session: %s", said)
	}
}

// openssl is what s_client says when it is told something.
func openssl(t *testing.T, address, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", append([]string{"s_client", "-connect", address}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	cmd.WaitDelay = time.Second
	said, _ := cmd.CombinedOutput() // it fails where it is refused
	return string(said)
}
