// Package web holds the pages: builds with their live logs, and the audit trail. Their
// sources are TypeScript; `npm run build` makes dist/, which is embedded here.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// On a fresh clone dist holds only .gitkeep, so that the module builds without Node.js.
//
//go:embed all:dist
var dist embed.FS

// FS returns the built page, with index.html at its root; index.html is missing
// when the page has not been built.
func FS() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that the directive above embeds
	}
	return sub
}

// policy allows a page's own files and nothing else: no inline script or style, no frame
// around it, and no way from a string to markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'; "

// What a page may connect to: builds are shown by a relay, which may be on another host.
const (
	buildsPolicy = policy + "connect-src 'self' ws: wss: http: https:;"
	auditPolicy  = policy + "connect-src 'self';"
)

const notBuilt = "The page has not been built yet: run make build.\n"

// Handler serves the page: "/" is index.html, other paths are files by their
// exact name, anything else is 404. Files under assets/ carry a hash in their
// name and may be kept for ever; the rest is revalidated by ETag. Without a
// built page "/" answers 503 with a sentence that says what to do.
func Handler() (http.Handler, error) {
	return newHandler(FS())
}

// Audit serves the page of the audit trail at /audit/, to which it sends who asks for
// /audit, and its files below that, as Handler does. The page asks for "records",
// "export.csv" and "export.ndjson" beside itself, which are not served here.
func Audit() (http.Handler, error) {
	return newAudit(FS())
}

type file struct {
	name string
	etag string
	body []byte
}

type handler struct {
	files  map[string]file // by the path that is asked for
	root   string          // the page's own path
	policy string
}

func newHandler(fsys fs.FS) (*handler, error) {
	return newPage(fsys, "/", "index.html", buildsPolicy)
}

func newAudit(fsys fs.FS) (*handler, error) {
	return newPage(fsys, "/audit/", "audit.html", auditPolicy)
}

// newPage serves a page at root, its files below it, and no other page.
func newPage(fsys fs.FS, root, page, policy string) (*handler, error) {
	h := &handler{files: map[string]file{}, root: root, policy: policy}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		isOther := path.Ext(name) == ".html" && name != page
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || isOther {
			return err
		}
		return h.add(fsys, name)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	if f, built := h.files[root+page]; built {
		h.files[root] = f
	}
	return h, nil
}

func (h *handler) add(fsys fs.FS, name string) error {
	body, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	h.files[h.root+name] = file{name: name, etag: `"` + hex.EncodeToString(sum[:16]) + `"`, body: body}
	return nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.setSecurity(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	f, ok := h.files[r.URL.Path]
	switch {
	case ok:
		f.serve(w, r)
	case r.URL.Path == h.root:
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
	case r.URL.Path+"/" == h.root:
		toRoot(w, r)
	default:
		http.NotFound(w, r)
	}
}

// toRoot adds the slash that a page's relative addresses need. It is relative itself: a
// proxy may have taken away the beginning of the path.
func toRoot(w http.ResponseWriter, r *http.Request) {
	to := url.URL{Path: path.Base(r.URL.Path) + "/", RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Etag", f.etag)
	header.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(f.name, "assets/") {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	header.Set("Content-Type", contentType(f.name))
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(f.body))
}

func (h *handler) setSecurity(header http.Header) {
	header.Set("Content-Security-Policy", h.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// contentType does not ask the system's tables for what the page consists of.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
