package admin_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/admin"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
)

// rig is a trail in a database of the test's own, and the server that shows it.
type rig struct {
	*admin.Admin
	db     *store.DB
	server *httptest.Server
}

// newRig makes one; change, unless it is nil, changes what is served.
func newRig(t *testing.T, change func(*admin.Admin)) *rig {
	t.Helper()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(filepath.Join(t.TempDir(), "audit.db"), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	records := trail.New(trail.Config{
		Store: db, Chain: "node-1", Key: key, Strict: true,
		Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { records.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	r := &rig{db: db, Admin: &admin.Admin{
		Store: db, Trail: records, Strict: true, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("127.0.0.1") },
	}}
	if change != nil {
		change(r.Admin)
	}
	mux := http.NewServeMux()
	r.Register(mux)
	r.server = httptest.NewServer(mux)
	t.Cleanup(r.server.Close)
	return r
}

// add adds n records, of one second after the other, and returns the time of the first.
func (r *rig) add(t *testing.T, n int) time.Time {
	t.Helper()
	begin := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	entries := make([]audit.Entry, n)
	for i := range entries {
		record := audit.New(begin.Add(time.Duration(i)*time.Second), "test.record.add", map[string]int{"n": i})
		record.Actor = audit.Entity{ID: fmt.Sprintf("user-%d", i%2), Type: "user"}
		record.Target = audit.Entity{ID: "=1+1", Type: "thing"}
		var err error
		if entries[i], err = audit.Encode(record); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.db.Append(t.Context(), "node-1", entries); err != nil {
		t.Fatal(err)
	}
	return begin
}

// reply is an answer, whose body is closed when the test ends.
type reply struct {
	StatusCode int
	Header     http.Header
	Body       io.Reader
}

// get asks, as a request that is changed before.
func (r *rig) get(t *testing.T, target string, change func(*http.Request)) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), relaytest.Patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.URL+target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	response, err := r.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return reply{response.StatusCode, response.Header, response.Body}
}

// recorded waits until the trail has n records of an action.
func (r *rig) recorded(t *testing.T, action string, n int) (found []audit.Stored) {
	t.Helper()
	relaytest.Eventually(t, fmt.Sprintf("%d records of %s", n, action), func() bool {
		var err error
		if found, err = r.db.Newest(t.Context(), audit.Filter{Action: action}, store.Place{}, 100); err != nil {
			t.Fatal(err)
		}
		return len(found) == n
	})
	return found
}
