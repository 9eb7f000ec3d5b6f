package api

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// call is one request that was found to be authentic.
type call struct {
	app    *auth.App
	name   string     // what the path has for "*", decoded: that of a channel, or a user's id
	query  url.Values // as it was signed
	body   []byte
	method string
	path   string // decoded
	header http.Header
	key    string // its Idempotency-Key, or ""
	signer *auth.Key
	tls    *tls.ConnectionState // nil without TLS
	who    *caller
}

// authenticate checks the signature, and only then reads the body, which the signature
// names. An app that does not exist is refused like one whose key is wrong.
func (a *API) authenticate(w http.ResponseWriter, r *http.Request, t target) (*call, error) {
	app, query, err := a.admitHead(r, t)
	if err != nil {
		hangUp(w, r)
		return nil, err
	}
	signer, _ := app.Key(query.Get("auth_key"))
	limit := int64(cmp.Or(app.Limits.Body, protocol.MaxBody))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, bodyFailure(err)
	}
	if err := auth.CheckBody(query, body); err != nil {
		a.countRefusal(r, err)
		return nil, err
	}
	if !utf8.Valid(body) {
		return nil, badRequest("the body is not UTF-8")
	}
	c := &call{app: app, name: t.name, query: query, body: body, method: r.Method, path: r.URL.Path, header: r.Header, signer: signer, tls: r.TLS, who: a.caller(r, query)}
	c.key, err = readKey(r.Header)
	return c, err
}

// admitHead checks what can be checked before the body is read.
func (a *API) admitHead(r *http.Request, t target) (*auth.App, url.Values, error) {
	if err := a.checkAddress(r); err != nil {
		return nil, nil, err
	}
	if err := a.checkClient(r); err != nil {
		return nil, nil, err
	}
	app := a.app(t, r)
	query, err := a.checkHead(app, r)
	if err != nil {
		a.countRefusal(r, err)
		return nil, nil, err
	}
	if signer, _ := app.Key(query.Get("auth_key")); signer != nil {
		if err := signer.CheckRight(t.right(), ""); err != nil {
			return nil, nil, err
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, nil, &failure{status: http.StatusUnsupportedMediaType, message: "the body must not be compressed"}
	}
	return app, query, nil
}

// hangUp ends the connection with the answer where there is a body that was not read:
// net/http would read it first, and wait for one that does not come.
func hangUp(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
	}
}

// app returns the app that a request is for: the one that the path names, or else the
// key; nil where there is none.
func (a *API) app(t target, r *http.Request) *auth.App {
	if !t.named {
		return a.Apps.Signer(r.URL.RawQuery)
	}
	app, _ := a.Apps.ByID(t.appID)
	return app
}

// checkHead takes a HEAD that was signed as the GET whose headers it asks for:
// tools send one for a URL that they were given.
func (a *API) checkHead(app *auth.App, r *http.Request) (url.Values, error) {
	request := auth.Request{
		Method: r.Method, Path: r.URL.Path, RawPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
	}
	query, err := app.CheckHead(request, a.Now())
	if err != nil && r.Method == http.MethodHead {
		request.Method = http.MethodGet
		query, err = app.CheckHead(request, a.Now())
	}
	return query, err
}

// countRefusal counts a call that was refused because it was not authentic.
func (a *API) countRefusal(r *http.Request, err error) {
	var refused *auth.RequestError
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		a.refused(r)
	}
}
