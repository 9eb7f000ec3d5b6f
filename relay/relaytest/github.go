package relaytest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// GitHub is a server that answers as GitHub's REST API does: whether a repository may be read with a
// token, and whose the token is. It is safe for concurrent use.
type GitHub struct {
	URL string // of the API, as GitHub Enterprise Server has it

	mu        sync.Mutex
	users     map[string]GitHubUser // by token
	repos     map[string]GitHubRepo // by name, in small letters
	interfere func(http.ResponseWriter, *http.Request) bool
	asked     []string
}

// GitHubUser is somebody with an account, or a machine, which has no login.
type GitHubUser struct {
	Login, Name string
	ID          int
}

// GitHubRepo is a repository.
type GitHubRepo struct {
	Name    string // such as acme/site
	Private bool
	Readers []string // logins of who may read it though it is private
	Renamed bool     // it is found by another name by now
}

// StartGitHub starts one that nobody has an account with. It ends with the test.
func StartGitHub(t testing.TB) *GitHub {
	t.Helper()
	g := &GitHub{users: make(map[string]GitHubUser), repos: make(map[string]GitHubRepo)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/user", g.serveUser)
	mux.HandleFunc("GET /api/v3/repos/{owner}/{repo}", g.serveRepo)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { g.refuse(w, http.StatusNotFound, "Not Found") })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.interferes(w, r) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	g.URL = server.URL + "/api/v3"
	return g
}

// AddUser lets somebody in by a token.
func (g *GitHub) AddUser(token string, user GitHubUser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users[token] = user
}

// SetRepo makes a repository, or changes it.
func (g *GitHub) SetRepo(repo GitHubRepo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repos[strings.ToLower(repo.Name)] = repo
}

// Interfere has requests answered by answer as long as it returns true for them; nil for none.
func (g *GitHub) Interfere(answer func(http.ResponseWriter, *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.interfere = answer
}

// Asked returns the paths that were asked for since it was called last, in order.
func (g *GitHub) Asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := g.asked
	g.asked = nil
	return asked
}

func (g *GitHub) interferes(w http.ResponseWriter, r *http.Request) bool {
	g.mu.Lock()
	g.asked = append(g.asked, strings.TrimPrefix(r.URL.EscapedPath(), "/api/v3"))
	answer := g.interfere
	g.mu.Unlock()
	return answer != nil && answer(w, r)
}

// user is whose token a request shows; GitHub takes either word before it.
func (g *GitHub) user(w http.ResponseWriter, r *http.Request) (GitHubUser, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	g.mu.Lock()
	user, ok := g.users[token]
	g.mu.Unlock()
	if !ok || scheme != "Bearer" && scheme != "token" {
		g.refuse(w, http.StatusUnauthorized, "Bad credentials")
		return user, false
	}
	return user, true
}

func (g *GitHub) serveUser(w http.ResponseWriter, r *http.Request) {
	switch user, ok := g.user(w, r); {
	case !ok:
	case user.Login == "":
		g.refuse(w, http.StatusForbidden, "Resource not accessible by integration")
	default:
		g.answer(w, http.StatusOK, map[string]any{
			"login": user.Login, "id": user.ID, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://avatars.githubusercontent.com/u/1?v=4",
			"type": "User", "site_admin": false, "name": user.Name, "company": nil, "email": nil, "created_at": "2008-01-14T04:33:35Z",
		})
	}
}

func (g *GitHub) serveRepo(w http.ResponseWriter, r *http.Request) {
	user, ok := g.user(w, r)
	if !ok {
		return
	}
	g.mu.Lock()
	repo, ok := g.repos[strings.ToLower(r.PathValue("owner")+"/"+r.PathValue("repo"))]
	g.mu.Unlock()
	switch {
	case !ok || repo.Private && !slices.Contains(repo.Readers, user.Login):
		g.refuse(w, http.StatusNotFound, "Not Found")
	case repo.Renamed:
		w.Header().Set("Location", g.URL+"/repositories/1296269")
		g.refuse(w, http.StatusMovedPermanently, "Moved Permanently")
	default:
		g.answer(w, http.StatusOK, describe(repo))
	}
}

// describe is a part of what GitHub says about a repository.
func describe(repo GitHubRepo) map[string]any {
	owner, name, _ := strings.Cut(repo.Name, "/")
	by := map[string]any{"login": owner, "id": 1, "node_id": "MDEyOk9yZ2FuaXphdGlvbjE=", "type": "Organization", "site_admin": false}
	return map[string]any{
		"id": 1296269, "node_id": "MDEwOlJlcG9zaXRvcnkxMjk2MjY5", "name": name, "full_name": repo.Name, "owner": by, "organization": by,
		"private": repo.Private, "description": nil, "fork": false, "archived": false, "disabled": false, "default_branch": "main",
		"permissions": map[string]bool{"admin": false, "maintain": false, "push": false, "triage": false, "pull": true},
	}
}

func (g *GitHub) refuse(w http.ResponseWriter, status int, message string) {
	g.answer(w, status, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"})
}

func (g *GitHub) answer(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Ratelimit-Limit", "5000")
	h.Set("X-Ratelimit-Remaining", "4999")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who went does not miss it
}
