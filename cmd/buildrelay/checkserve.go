package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/caarlos0/env/v11"

	"buildrelay/relay/checkup"
	"buildrelay/relay/server"
)

const (
	// nodeCheckTime is how long a node may look at itself: less than an answer may take.
	nodeCheckTime = 50 * time.Second
	// reportAge is how old a report may be that is answered: a check sends events, asks all nodes and
	// reads the audit trail, which others are not to wait for all the time.
	reportAge = 30 * time.Second
)

// selfCheck is /check: a node looks at itself.
type selfCheck struct {
	look func(context.Context) checkup.Report
	now  func() time.Time

	mu     sync.Mutex // held while it looks
	report checkup.Report
	made   time.Time // zero before the first
}

func (n *node) newSelfCheck(memory *server.Memory) *selfCheck {
	environ := env.ToMap(os.Environ())
	return &selfCheck{now: time.Now, look: func(ctx context.Context) checkup.Report {
		return checkup.NewReport(n.checking(environ, memory).run(ctx))
	}}
}

// ServeHTTP answers a [checkup.Report], which may be one of the last seconds; 429 while one is made.
func (s *selfCheck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	report, ok := s.newest(r.Context())
	if !ok {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "somebody else is checking: ask again when that is done", http.StatusTooManyRequests)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report) // the client may be gone
}

// newest is a report that is young enough, or a new one; false while another one is made. What was
// broken off is not kept for others.
func (s *selfCheck) newest(ctx context.Context) (report checkup.Report, ok bool) {
	if !s.mu.TryLock() {
		return report, false
	}
	defer s.mu.Unlock()
	if !s.made.IsZero() && s.now().Sub(s.made) < reportAge {
		return s.report, true
	}
	ctx, cancel := context.WithTimeout(ctx, nodeCheckTime)
	defer cancel()
	report = s.look(ctx)
	if ctx.Err() == nil {
		s.report, s.made = report, s.now()
	}
	return report, true
}

func (n *node) checking(environ map[string]string, memory *server.Memory) *checking {
	return &checking{
		config: n.config, environ: environ, node: n, memory: memory, bad: make(map[string]bool),
		apps:  apps{Apps: n.apps, first: n.needs.AppID, replicas: n.needs.Replicas},
		redis: n.redis, broker: n.broker, roster: n.roster,
	}
}
