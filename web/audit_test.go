package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func serveAudit(t *testing.T, fsys fstest.MapFS, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := newAudit(fsys)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAuditServesItsPageAndTheFilesBelow(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/audit/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/audit/?range=all", 200, "text/html; charset=utf-8"},
		{"GET", "/audit/assets/index-abc.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/audit/favicon.svg", 200, "image/svg+xml"},
		{"GET", "/audit/index.html", 404, ""},
		{"GET", "/audit/records", 404, ""},
		{"GET", "/audit/assets", 404, ""},
		{"GET", "/assets/index-abc.js", 404, ""},
		{"GET", "/", 404, ""},
		{"POST", "/audit/", 405, ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			resp := serveAudit(t, built(), tt.method, tt.path)
			if resp.Code != tt.status {
				t.Fatalf("status %d, want %d", resp.Code, tt.status)
			}
			if got := resp.Header().Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
			if csp := resp.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "connect-src 'self';") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy %q", csp)
			}
		})
	}
}

// The page's addresses are relative, so it must not be shown without the slash.
func TestAuditWithoutItsSlashKeepsTheFilter(t *testing.T) {
	resp := serveAudit(t, built(), "GET", "/audit?action=relay.*&actor=a%26b")
	if got, want := resp.Header().Get("Location"), "audit/?action=relay.*&actor=a%26b"; resp.Code != http.StatusTemporaryRedirect || got != want {
		t.Errorf("status %d to %q, want 307 to %q", resp.Code, got, want)
	}
}

func TestMissingAuditPageSaysWhatToDo(t *testing.T) {
	resp := serveAudit(t, fstest.MapFS{".gitkeep": {}}, "GET", "/audit/")
	if resp.Code != http.StatusServiceUnavailable || !strings.Contains(resp.Body.String(), "run make build") {
		t.Errorf("status %d, body %q", resp.Code, resp.Body)
	}
}
