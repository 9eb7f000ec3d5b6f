package acme

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/metrics"
)

func TestThatACertificateIsNotRenewedInTimeIsToldOnce(t *testing.T) {
	t.Parallel()
	c, err := New(Config{Hosts: []string{"relay.example.com"}, Folder: t.TempDir() + "/acme"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.Metrics, c.Log = metrics.New(prometheus.NewRegistry()), slog.New(slog.NewJSONHandler(&log, nil))
	begun := time.Now()
	expect := func(after time.Duration, good float64, told int) {
		t.Helper()
		c.measure(begun.Add(after))
		got := testutil.ToFloat64(c.Metrics.CertificateGood.WithLabelValues(Use))
		if n := strings.Count(log.String(), "is not renewed"); got != good || n != told {
			t.Errorf("after %v good is %v, and it was told %d times, want %v and %d", after, got, n, good, told)
		}
	}
	expect(0, 0, 0) // there is none
	put := func(serial byte, from, until time.Duration) {
		leaf := &x509.Certificate{NotBefore: begun.Add(from), NotAfter: begun.Add(until)}
		c.put("relay.example.com", &tls.Certificate{Certificate: [][]byte{{serial}}, Leaf: leaf})
	}
	put(1, 0, 6*time.Hour)
	expect(4*time.Hour, 1, 0)
	expect(5*time.Hour+time.Minute, 0, 1)
	expect(7*time.Hour, 0, 1)
	put(2, 7*time.Hour, 13*time.Hour)
	expect(8*time.Hour, 1, 1)
	expect(13*time.Hour, 0, 2)
}
