package authorize_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

type newHost = func(string, func() *x509.CertPool, metrics.Authorizations, *slog.Logger) (*authorize.SourceHost, error)

// askingHost asks the API at address; what it logs is in the buffer.
func askingHost(t testing.TB, create newHost, address string) (*authorize.SourceHost, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	m := metrics.New(prometheus.NewRegistry())
	s, err := create(address, func() *x509.CertPool { return nil }, m.Authorizations, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// of is a question about a channel of a repository, by who shows a token.
func of(channel, owner, repo string) authorize.Question {
	q := secretive()
	q.Channel, q.Authorization = channel, "Bearer ada-t0ken"
	q.Fields = map[string]string{"owner": owner, "repo": repo, "build": "7"}
	return q
}

// outcome is what a decision comes to, in a word.
func outcome(err error) string {
	switch {
	case err == nil:
		return "yes"
	case errors.Is(err, authorize.ErrDenied):
		return "no"
	case strings.Contains(err.Error(), "no credentials"):
		return "nobody"
	default:
		return "undecided"
	}
}

// answering is a server that answers everything in one way, with headers as name, value, name, value.
func answering(t testing.TB, status int, body string, headers ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A no is one where the API says so itself. A page that a proxy made says nothing, and neither does
// whatever else listens at the address.
func TestAnAnswerThatIsNotTheAPIsDecidesNothing(t *testing.T) {
	t.Parallel()
	const good, page = `{"full_name":"acme/site","login":"ada","id":1}`, "<!DOCTYPE html><title>Log in</title>"
	var led atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
	t.Cleanup(elsewhere.Close)
	for name, tt := range map[string]struct {
		status  int
		body    string
		headers []string
		want    string
	}{
		"a yes":                     {200, good, nil, "yes"},
		"a yes of another charset":  {200, good, []string{"Content-Type", "application/json"}, "yes"},
		"another yes":               {201, good, nil, "undecided"},
		"a yes without body":        {204, "", nil, "undecided"},
		"a page that says yes":      {200, page, []string{"Content-Type", "text/html"}, "undecided"},
		"a page that poses as JSON": {200, page, nil, "undecided"},
		"JSON that poses as a page": {200, good, []string{"Content-Type", "text/html"}, "undecided"},
		"no type at all":            {404, "{}", []string{"Content-Type", ""}, "undecided"},
		"moved":                     {301, "{}", []string{"Location", elsewhere.URL}, "no"},
		"a login elsewhere":         {302, "{}", []string{"Location", elsewhere.URL}, "undecided"},
		"elsewhere for now":         {307, "{}", []string{"Location", elsewhere.URL}, "undecided"},
		"not modified":              {304, "", nil, "undecided"},
		"unknown token":             {401, "{}", nil, "no"},
		"forbidden":                 {403, "{}", nil, "no"},
		"a proxy forbids":           {403, page, []string{"Content-Type", "text/html; charset=utf-8"}, "undecided"},
		"not found":                 {404, "{}", nil, "no"},
		"no such API":               {404, page, []string{"Content-Type", "text/html"}, "undecided"},
		"gone":                      {410, "{}", nil, "no"},
		"taken down":                {451, "{}", nil, "no"},
		"not acceptable":            {406, "{}", nil, "undecided"},
		"too many":                  {429, "{}", nil, "undecided"},
		"the hour's last, and a no": {404, "{}", []string{"X-Ratelimit-Remaining", "0"}, "no"},
		"the hour is used up":       {403, "{}", []string{"X-Ratelimit-Remaining", "0"}, "undecided"},
		"forbidden for a while":     {403, "{}", []string{"Retry-After", "60"}, "undecided"},
		"forbidden for long":        {403, `{"message":"` + strings.Repeat("x", 1<<13) + `"}`, nil, "undecided"},
		"forbidden, and cut off":    {403, "{}", []string{"Content-Length", "1000"}, "undecided"},
		"broken":                    {500, "{}", nil, "undecided"},
		"overloaded":                {503, good, nil, "undecided"},
		"cut off":                   {200, good, []string{"Content-Length", "1000"}, "undecided"},
		"huge":                      {200, `{"full_name":"acme/site","x":"` + strings.Repeat("x", 1<<20) + `"}`, nil, "undecided"},
	} {
		s, log := askingHost(t, authorize.NewGitHub, answering(t, tt.status, tt.body, tt.headers...))
		_, err := s.Decide(t.Context(), of(build, "acme", "site"))
		if got := outcome(err); got != tt.want || (log.Len() > 0) != (got == "undecided") || strings.Contains(log.String(), "t0ken") {
			t.Errorf("%s: %s, want %s: %v, logged %s", name, got, tt.want, err, log)
		}
	}
	if led.Load() > 0 {
		t.Error("a redirect was followed, with the client's token")
	}
}

func TestASourceHostThatIsAwayLetsNobodyIn(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	byTLS := httptest.NewUnstartedServer(http.NotFoundHandler())
	byTLS.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	byTLS.StartTLS() // of an authority that nobody knows
	t.Cleanup(byTLS.Close)
	for name, address := range map[string]string{"down": closed.URL, "somebody else": byTLS.URL} {
		s, log := askingHost(t, authorize.NewGitHub, address)
		if _, err := s.Decide(t.Context(), of(build, "acme", "site")); outcome(err) != "undecided" || !strings.Contains(log.String(), "nobody decides who may watch") {
			t.Errorf("%s: %v, logged %s", name, err, log)
		}
	}
}

func TestASourceHostThatIsSlowLetsNobodyIn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel() // who asked has no more patience
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	s, log := askingHost(t, authorize.NewGitHub, server.URL)
	if _, err := s.Decide(ctx, of(build, "acme", "site")); outcome(err) != "undecided" || strings.Contains(log.String(), "t0ken") {
		t.Errorf("%v, logged %s", err, log)
	}
}

// What a host does not want to be asked it is not asked, until it is time; others are.
func TestATokenThatAskedTooMuchRests(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	said := []string{"Content-Type", "application/json", "X-Ratelimit-Remaining", "4990"}
	for name, tt := range map[string]struct {
		status  int
		body    string
		headers []string
		want    time.Duration
	}{
		"it says for how long":            {403, "", []string{"Retry-After", "30"}, 30 * time.Second},
		"it says until when":              {403, "", []string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", strconv.FormatInt(now.Unix()+600, 10)}, 10 * time.Minute},
		"it says neither":                 {429, "", nil, time.Minute},
		"it says what makes no sense":     {429, "", []string{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"}, time.Minute},
		"it says what is long ago":        {403, "", []string{"X-Ratelimit-Remaining", "0", "X-Ratelimit-Reset", "1"}, time.Second},
		"it says no time at all":          {429, "", []string{"Retry-After", "-5"}, time.Second},
		"it says so in words":             {403, `{"message":"You have exceeded a secondary rate limit. Please wait."}`, said, time.Minute},
		"it said so in other words":       {403, `{"message":"You have triggered an Abuse detection mechanism."}`, said, time.Minute},
		"it met many unknown tokens":      {403, `{"message":"Maximum number of login attempts exceeded. Please try again later."}`, said, time.Minute},
		"it says what is too long for us": {429, "", []string{"Retry-After", "2000000000"}, time.Hour},
	} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			for i := 0; i+1 < len(tt.headers); i += 2 {
				w.Header().Set(tt.headers[i], tt.headers[i+1])
			}
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		t.Cleanup(server.Close)
		s, _ := askingHost(t, authorize.NewGitHub, server.URL)
		at := now
		s.SetNow(func() time.Time { return at })
		other := of(build, "acme", "site")
		other.Authorization = "Bearer bob-t0ken"
		for _, step := range []struct {
			after time.Duration
			q     authorize.Question
			want  int32 // how often it was asked by then
		}{
			{0, of(build, "acme", "site"), 1},
			{0, of(people, "acme", "other"), 1},
			{0, other, 2},
			{tt.want - time.Millisecond, of(build, "acme", "site"), 2},
			{tt.want, of(build, "acme", "site"), 3},
		} {
			at = now.Add(step.after)
			if _, err := s.Decide(t.Context(), step.q); outcome(err) != "undecided" || asked.Load() != step.want {
				t.Errorf("%s, after %s: asked %d times, want %d: %v", name, step.after, asked.Load(), step.want, err)
			}
		}
	}
}

// Who asks too much is no matter of the host, as with any other decider.
func TestAnAddressWaitsForItsOwnQuestionsToASourceHost(t *testing.T) {
	t.Parallel()
	s, log := askingHost(t, authorize.NewGitHub, "http://127.0.0.1:1")
	q := of(build, "acme", "site")
	q.Address = netip.MustParseAddr("192.0.2.1")
	defer s.FillAddress(t, q.Address)()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Decide(ctx, q); err == nil || !strings.Contains(err.Error(), "of your address are under way") || log.Len() > 0 {
		t.Errorf("%v, logged %s", err, log)
	}
}

func TestPatternsForASourceHostNameTheRepository(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"private-build-{owner};{repo};{build} presence-{repo};{owner}": "",
		"private-a-{owner};{repo} private-b-{owner};{name}":            `"private-b-{owner};{name}": it must have {repo}`,
		"private-{repo}": `"private-{repo}": it must have {owner}`,
		"private-list":   "{owner}",
	} {
		patterns, err := authorize.ParsePatterns(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := authorize.CheckSourcePatterns(patterns); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAnAddressThatIsNoAPIIsRefused(t *testing.T) {
	t.Parallel()
	got := make(map[string]bool) // whether it is taken
	for _, address := range []string{
		"", "https://api.github.com", "https://ghe.example.com/api/v3/", "https://github.com", "https://www.github.com/", "https://gitlab.com", "api.github.com",
		"https://gitlab.com/api/v4", "https://user:s3cret@ghe.example.com/api/v3", "https://ghe.example.com/api/v3?a=b", "https://ghe.example.com/api/v3#a", "ftp://ghe.example.com",
	} {
		_, err := authorize.NewGitHub(address, nil, metrics.Authorizations{}, nil)
		got[address] = err == nil
		if _, of := authorize.NewGitLab(address, nil, metrics.Authorizations{}, nil); (of == nil) != (err == nil) || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v and %v", address, err, of)
		}
	}
	want := map[string]bool{
		"": true, "https://api.github.com": true, "https://ghe.example.com/api/v3/": true, "https://gitlab.com/api/v4": true,
		"https://github.com": false, "https://www.github.com/": false, "https://gitlab.com": false, "api.github.com": false,
		"https://user:s3cret@ghe.example.com/api/v3": false, "https://ghe.example.com/api/v3?a=b": false, "https://ghe.example.com/api/v3#a": false, "ftp://ghe.example.com": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("taken (- wanted, + got):\n%s", diff)
	}
}
