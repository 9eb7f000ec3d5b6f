package authorize_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

// gitlabAPI is a server that answers as GitLab's API does; what is not in answers is not found.
type gitlabAPI struct {
	answers map[string]string // by token and path

	mu    sync.Mutex
	asked []string
}

func (g *gitlabAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4")
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	g.mu.Lock()
	g.asked = append(g.asked, path)
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	body, ok := g.answers[r.Header.Get("Authorization")+" "+path]
	switch {
	case r.Header.Get("Cookie") != "" || r.Method != http.MethodGet:
		w.WriteHeader(http.StatusBadRequest)
	case body == "forbidden":
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"message":"403 Forbidden"}`)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"404 Project Not Found"}`)
	default:
		_, _ = io.WriteString(w, body)
	}
}

// That somebody sees a project does not mean that he sees its builds: guests of a private one do not.
func TestWhoMayReadTheJobsOfAProjectMayWatchItsBuilds(t *testing.T) {
	t.Parallel()
	const site, deep, jobs = "/projects/acme%2Fsite", "/projects/acme%2Finfra%2Fdns%2Fzone.d", "/jobs?per_page=1"
	g := &gitlabAPI{answers: map[string]string{
		"Bearer ada-t0ken " + site:                           `{"id":3,"path_with_namespace":"acme/site","visibility":"private"}`,
		"Bearer ada-t0ken " + site + jobs:                    `[{"id":1,"status":"failed"}]`,
		"Bearer ada-t0ken " + deep:                           `{"id":4,"path_with_namespace":"Acme/Infra/dns/zone.d"}`,
		"Bearer ada-t0ken " + deep + jobs:                    `[]`,
		"Bearer ada-t0ken /user":                             `{"id":5,"username":"ada","name":"Ada Lovelace","state":"active"}`,
		"Bearer eve-t0ken " + site:                           `{"id":3,"path_with_namespace":"acme/site"}`,
		"Bearer eve-t0ken " + site + jobs:                    "forbidden",
		"Bearer ada-t0ken /projects/acme%2Fold":              `{"id":3,"path_with_namespace":"acme/site"}`,
		"Bearer ada-t0ken /projects/acme%2Fold" + jobs:       `[]`,
		"Bearer ada-t0ken /projects/acme%2Fodd":              `{"id":3,"path_with_namespace":"acme/odd"}`,
		"Bearer ada-t0ken /projects/acme%2Fodd" + jobs:       `{"message":"maintenance"}`,
		"Bearer ada-t0ken /projects/acme%2Fnothing":          `{"id":3,"path_with_namespace":"acme/nothing"}`,
		"Bearer ada-t0ken /projects/acme%2Fnothing" + jobs:   `null`,
		"Bearer ada-t0ken /projects/acme%2Fambiguous":        `{"path_with_namespace":"acme/x","path_with_namespace":"acme/ambiguous"}`,
		"Bearer ada-t0ken /projects/acme%2Fambiguous" + jobs: `[]`,
	}}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	for name, tt := range map[string]struct {
		authorization, owner, repo string
		want                       string
		asked                      []string
	}{
		"who sees its jobs":             {"Bearer ada-t0ken", "acme", "site", "yes", []string{site, site + jobs, "/user"}},
		"a group in a group in a group": {"token ada-t0ken", "acme,infra,dns", "zone.d", "yes", []string{deep, deep + jobs, "/user"}},
		"a guest":                       {"Bearer eve-t0ken", "acme", "site", "no", []string{site, site + jobs}},
		"who sees nothing":              {"Bearer t0ken", "acme", "site", "no", []string{site}},
		"one that moved":                {"Bearer ada-t0ken", "acme", "old", "no", []string{"/projects/acme%2Fold"}},
		"jobs that are none":            {"Bearer ada-t0ken", "acme", "odd", "undecided", []string{"/projects/acme%2Fodd", "/projects/acme%2Fodd" + jobs}},
		"jobs that are nothing":         {"Bearer ada-t0ken", "acme", "nothing", "undecided", []string{"/projects/acme%2Fnothing", "/projects/acme%2Fnothing" + jobs}},
		"one of two names":              {"Bearer ada-t0ken", "acme", "ambiguous", "undecided", []string{"/projects/acme%2Fambiguous"}},
		"a group of no name":            {"Bearer ada-t0ken", "acme,,x", "site", "no", nil},
		"no group":                      {"Bearer ada-t0ken", "", "site", "no", nil},
		"a group above":                 {"Bearer ada-t0ken", "acme,..", "site", "no", nil},
		"a path":                        {"Bearer ada-t0ken", "acme/infra", "site", "no", nil},
		"a number":                      {"Bearer ada-t0ken", "acme", "", "no", nil},
		"cookies alone":                 {"", "acme", "site", "nobody", nil},
	} {
		s, _ := askingHost(t, authorize.NewGitLab, server.URL+"/api/v4")
		g.asked = nil
		q := of(build, tt.owner, tt.repo)
		q.Authorization = auth.Secret(tt.authorization)
		_, err := s.Decide(t.Context(), q)
		if diff := cmp.Diff(tt.want, outcome(err)) + cmp.Diff(tt.asked, g.asked); diff != "" {
			t.Errorf("%s: %v (- wanted, + got):\n%s", name, err, diff)
		}
	}
	s, _ := askingHost(t, authorize.NewGitLab, server.URL+"/api/v4")
	if answer, err := s.Decide(t.Context(), of("", "", "")); err != nil || *answer.Member != (protocol.Member{ID: "5", Info: `{"login":"ada","name":"Ada Lovelace"}`}) {
		t.Errorf("%+v, %v", answer.Member, err)
	}
}
