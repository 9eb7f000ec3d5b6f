package api_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/md5" // the protocol's digest of a body
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/api"
	"buildrelay/relay/metrics"
)

// The fixture and the clock of the signature examples in Pusher's documentation.
const (
	key    = "278d425bdf160c739803"
	secret = "7ad3773142a6692b25b8"
	now    = 1353088179
)

// backend is an API with what stands behind it.
type backend struct {
	api.API
	occupancy
	published []protocol.Event
	receipt   protocol.Receipt // of what is published
	fails     error
	claims    map[string]string // of Idempotency-Keys
}

func (b *backend) Publish(_ context.Context, appID string, events []protocol.Event) (protocol.Receipt, error) {
	if appID != "3" {
		return protocol.Receipt{}, fmt.Errorf("published for the app %q", appID)
	}
	b.published = append(b.published, events...)
	return b.receipt, b.fails
}

func (b *backend) Claim(_ context.Context, appID, key, digest string) (bool, error) {
	if b.claims == nil {
		b.claims = make(map[string]string)
	}
	if before, ok := b.claims[appID+" "+key]; ok {
		return before == digest, b.fails
	}
	b.claims[appID+" "+key] = digest
	return true, b.fails
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	apps, err := auth.NewApps(
		auth.App{ID: "3", Keys: []auth.Key{{Key: key, Secret: secret}}},
		auth.App{ID: "4", Keys: []auth.Key{{Key: "other", Secret: "other"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{}
	b.API = api.API{
		Apps: apps, Publisher: b, Occupancy: &b.occupancy, Caches: &b.occupancy,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(now, 0) },
	}
	return b
}

// do has the API answer a request with this target, byte for byte.
func (b *backend) do(t *testing.T, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body)
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	b.ServeHTTP(recorder, request.WithContext(t.Context()))
	return recorder
}

// hexHMAC signs what a request signs.
func hexHMAC(method, path, query string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + "\n" + path + "\n" + query))
	return hex.EncodeToString(mac.Sum(nil))
}

func hexMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// signed is a target for a path that needs no escapes. more, "" or "name=value&…",
// must sort behind what every request has.
func signed(method, path, body, more string) string {
	query := fmt.Sprintf("auth_key=%s&auth_timestamp=%d&auth_version=1.0", key, now)
	if body != "" {
		query += "&body_md5=" + hexMD5(body)
	}
	if more != "" {
		query += "&" + more
	}
	return path + "?" + query + "&auth_signature=" + hexHMAC(method, path, query)
}
