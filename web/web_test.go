package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":            {},
		"index.html":          {Data: []byte("<!doctype html><title>x</title>")},
		"audit.html":          {Data: []byte("<!doctype html><title>y</title>")},
		"favicon.svg":         {Data: []byte("<svg/>")},
		"assets/index-abc.js": {Data: []byte("export {}")},
	}
}

func serve(t *testing.T, fsys fs.FS, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	h, err := newHandler(fsys)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHandlerServesFilesByExactName(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
		contentType  string
		cache        string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-cache"},
		{"HEAD", "/", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/index.html", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/favicon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/assets/index-abc.js", 200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
		{"GET", "/assets/", 404, "", ""},
		{"GET", "/assets", 404, "", ""},
		{"GET", "/.gitkeep", 404, "", ""},
		{"GET", "//index.html", 404, "", ""},
		{"GET", "/assets/../index.html", 404, "", ""},
		{"GET", "/builds/7", 404, "", ""},
		{"GET", "/audit.html", 404, "", ""},
		{"POST", "/", 405, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			resp := serve(t, built(), tt.method, tt.path, nil)
			if resp.Code != tt.status {
				t.Fatalf("status %d, want %d", resp.Code, tt.status)
			}
			if got := resp.Header().Get("Content-Type"); tt.contentType != "" && got != tt.contentType {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
			if got := resp.Header().Get("Cache-Control"); got != tt.cache {
				t.Errorf("Cache-Control %q, want %q", got, tt.cache)
			}
		})
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	for _, path := range []string{"/", "/assets/index-abc.js", "/missing"} {
		resp := serve(t, built(), "GET", path, nil)
		csp := resp.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self' ws: wss: http: https:;", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: policy %q lacks %q", path, csp, part)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q allows something unsafe", path, csp)
		}
		if got := resp.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q", path, got)
		}
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	etag := serve(t, built(), "GET", "/", nil).Header().Get("Etag")
	resp := serve(t, built(), "GET", "/", http.Header{"If-None-Match": {etag}})
	if resp.Code != http.StatusNotModified {
		t.Errorf("status %d for ETag %s, want 304", resp.Code, etag)
	}
}

func TestMissingPageSaysWhatToDo(t *testing.T) {
	resp := serve(t, fstest.MapFS{".gitkeep": {}}, "GET", "/", nil)
	if resp.Code != http.StatusServiceUnavailable {
		t.Fatalf("status %d, want 503", resp.Code)
	}
	if body := resp.Body.String(); !strings.Contains(body, "run make build") {
		t.Errorf("body %q does not say how to build the page", body)
	}
}

// The policy forbids what is inline, so the build must not produce any.
func TestBuiltPagesHaveNothingInline(t *testing.T) {
	for _, page := range []string{"index.html", "audit.html"} {
		html, err := fs.ReadFile(FS(), page)
		if err != nil {
			t.Skip("the page has not been built")
		}
		inline := regexp.MustCompile(`<style|style=|\son[a-z]+=|javascript:|<script(>|\s[^>]*>)[^<]`)
		if found := inline.Find(html); found != nil {
			t.Errorf("%s has inline code: %s", page, found)
		}
		if !regexp.MustCompile(`<script[^>]* src="\./assets/`).Match(html) {
			t.Errorf("%s loads no script from assets", page)
		}
	}
}
