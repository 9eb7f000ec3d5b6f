package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"buildrelay/relay/server"
)

var hosts = []string{"localhost", "127.0.0.1", "::1"} // not changed

func TestLocalCertificateIsTrustedThroughItsAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	c, err := server.LocalCertificate(dir, hosts, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(read(t, c.CA)) {
		t.Fatal("the authority is no certificate")
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if info, err := os.Stat(c.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v (%v), want that nobody else reads it", info.Mode(), err)
	}
}

func TestLocalCertificateIsMadeOnce(t *testing.T) {
	now := time.Now()
	tests := map[string]struct {
		hosts []string
		at    time.Time
		spoil string // file that is removed before
		again bool
	}{
		"nothing changed":       {hosts, now, "", false},
		"fewer names":           {hosts[:1], now, "", false},
		"a further name":        {[]string{"localhost", "relay"}, now, "", true},
		"soon out of date":      {hosts, now.Add(380 * 24 * time.Hour), "", true},
		"the key is gone":       {hosts, now, "key.pem", true},
		"the authority is gone": {hosts, now, "ca.pem", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c, err := server.LocalCertificate(dir, hosts, now)
			if err != nil {
				t.Fatal(err)
			}
			before := string(read(t, c.Cert))
			if test.spoil != "" {
				if err := os.Remove(filepath.Join(dir, test.spoil)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := server.LocalCertificate(dir, test.hosts, test.at); err != nil {
				t.Fatal(err)
			}
			if again := string(read(t, c.Cert)) != before; again != test.again {
				t.Errorf("made again: %v, want %v", again, test.again)
			}
		})
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
