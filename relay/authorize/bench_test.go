package authorize_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/authorize"
	"buildrelay/relay/relaytest"
)

// BenchmarkDecision is what an answer costs on loopback: one that is known; one about another build,
// for which the CI or the source host is asked; and one for somebody of whom nothing is known yet, for
// which a source host is asked twice. A core serves who is asked, too.
func BenchmarkDecision(b *testing.B) {
	ci := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"user_id":"ada","user_info":{"name":"Ada"}}`)
	}))
	b.Cleanup(ci.Close)
	forward, _ := newForward(b, ci.URL)
	github, _ := askingHost(b, authorize.NewGitHub, openGitHub(b))
	for name, d := range map[string]authorize.Decider{"forward": forward, "github": github} {
		b.Run(name+"/known", func(b *testing.B) {
			benchmarkDecisions(b, d, func(*authorize.Question, string) {})
		})
		b.Run(name+"/another-build", func(b *testing.B) {
			benchmarkDecisions(b, d, func(q *authorize.Question, n string) { q.Channel = "private-build-acme;site;" + n })
		})
		b.Run(name+"/another-user", func(b *testing.B) {
			benchmarkDecisions(b, d, func(q *authorize.Question, n string) { q.Authorization = auth.Secret("Bearer " + n) })
		})
	}
}

// openGitHub lets in whoever shows a token.
func openGitHub(b *testing.B) string {
	b.Helper()
	g := relaytest.StartGitHub(b)
	g.SetRepo(relaytest.GitHubRepo{Name: "acme/site"})
	g.AddUser("any", relaytest.GitHubUser{Login: "ada", Name: "Ada Lovelace", ID: 1})
	g.Interfere(func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Set("Authorization", "Bearer any")
		return false
	})
	return g.URL
}

func benchmarkDecisions(b *testing.B, d authorize.Decider, differ func(q *authorize.Question, n string)) {
	c := newCache(d)
	var n atomic.Int64
	before := cpuTime(b)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			q := of(build, "acme", "site")
			differ(&q, strconv.FormatInt(n.Add(1), 10))
			if _, err := c.Decide(b.Context(), q); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/(cpuTime(b)-before).Seconds(), "decisions/cpu-s")
}

// cpuTime is what the process has used: on a machine with other work the clock says little.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAuthorization is a whole request whose answer is known.
func BenchmarkAuthorization(b *testing.B) {
	e := newEndpoint(b, yes)
	e.Decider = newCache(&decider{decide: yes})
	form := subscribing(build)
	before := cpuTime(b)
	for b.Loop() {
		if w := e.post("/pusher/auth", form); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
	b.ReportMetric(float64(b.N)/(cpuTime(b)-before).Seconds(), "decisions/cpu-s")
}
