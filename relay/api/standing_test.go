package api_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/clientcert"
	"buildrelay/relay/relaytest"
)

// withKey changes the app to one in which the key that reads is another one, beside one that
// may everything. change may change the app, too.
func (w *logWorld) withKey(reading auth.Key, change func(*auth.App)) {
	w.t.Helper()
	before, _ := w.api.Apps.ByID("3")
	app := *before
	app.Keys = []auth.Key{{Key: "another", Secret: "another"}, reading}
	if change != nil {
		change(&app)
	}
	if err := w.api.Apps.Replace(app); err != nil {
		w.t.Fatal(err)
	}
}

// Whoever may no longer read gets nothing more, though the call began when he might.
func TestACallThatGoesOnEndsWhenItWouldNotBeTakenAnyMore(t *testing.T) {
	t.Parallel()
	reading := func(change func(*auth.Key)) func(*logWorld) {
		return func(w *logWorld) {
			k := auth.Key{Key: key, Secret: secret}
			change(&k)
			w.withKey(k, nil)
		}
	}
	for name, c := range map[string]struct {
		change func(*logWorld)
		status int // of the answer to who waits for a page
		says   string
	}{
		"key revoked":    {reading(func(k *auth.Key) { k.State = auth.KeyRevoked }), 401, "Unknown auth_key"},
		"another secret": {reading(func(k *auth.Key) { k.Secret = "newer" }), 401, "has another secret by now"},
		"no right":       {reading(func(k *auth.Key) { k.Rights = []auth.Right{auth.RightPublish} }), 403, "lacks the right to read"},
		"other channels": {reading(func(k *auth.Key) { k.Channels = protocol.Patterns{"private-other"} }), 403, "lacks the right to read on " + logChannel},
		"key taken out":  {reading(func(k *auth.Key) { k.Key = "renamed" }), 401, "Unknown auth_key"},
		"app disabled": {func(w *logWorld) {
			w.withKey(auth.Key{Key: key, Secret: secret}, func(app *auth.App) { app.Disabled = true })
		}, 403, "Application disabled"},
		"app taken out": {func(w *logWorld) {
			w.withKey(auth.Key{Key: key, Secret: secret}, func(app *auth.App) { app.ID = "4" })
		}, 401, "Unknown auth_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLogWorld(t, 100)
			expectEnd(t, w, c.status, c.says, func() { c.change(w) })
		})
	}
}

// A certificate is shown once, when TLS begins, and may be revoked long before that ends.
func TestACallThatGoesOnEndsWhenItsCertificateIsRevoked(t *testing.T) {
	t.Parallel()
	authority := relaytest.NewAuthority(t)
	shown := authority.Issue(nil)
	var lists atomic.Pointer[[]*x509.RevocationList]
	lists.Store(new([]*x509.RevocationList))
	w := newLogWorld(t, 100, func(s *http.Server) {
		serve := s.Handler
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{shown.Pair.Leaf}}
			serve.ServeHTTP(w, r)
		})
	})
	w.api.Clients = &clientcert.Rule{
		Pool: func() *x509.CertPool { return authority.Pool }, Revoked: func() []*x509.RevocationList { return *lists.Load() }, Now: time.Now,
	}
	expectEnd(t, w, http.StatusForbidden, "beside the signature: the client certificate, or one that signed it, was revoked", func() {
		lists.Store(&[]*x509.RevocationList{readRevocations(t, authority.Revoke(shown))})
	})
}

func readRevocations(t *testing.T, file string) *x509.RevocationList {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// As long as somebody reads by a key it is in use.
func TestAKeyIsInUseAsLongAsALogIsFollowedByIt(t *testing.T) {
	t.Parallel()
	w := newLogWorld(t, 100)
	app, _ := w.api.Apps.ByID("3")
	w.api.Apps.Uses.Keep([]auth.App{*app}, time.Now())
	w.print(1, 1)
	_, following := w.follow()
	expectText(t, following, line(1))
	began := w.api.Apps.Uses.All()[0].Last[auth.UseRead]
	w.print(2, 1)
	expectText(t, following, line(2))
	if used := w.api.Apps.Uses.All()[0].Last[auth.UseRead]; !used.After(began) {
		t.Errorf("it was used last at %v, and %v when the call began", used, began)
	}
}

// expectEnd reads a log by following it and by waiting for a page, until change lets that be
// no more.
func expectEnd(t *testing.T, w *logWorld, status int, says string, change func()) {
	t.Helper()
	at := w.print(1, 1)
	_, following := w.follow()
	expectText(t, following, line(1))
	type answer struct {
		status int
		text   string
	}
	waited := make(chan answer, 1)
	// The receive below waits for it.
	go func() {
		response, text := w.get(logChannel+"/history", "wait=20s&since="+at[0].String())
		waited <- answer{response.status, text}
	}()
	w.awaitReaders(2)
	change()
	w.awaitReaders(0)
	if got := <-waited; got.status != status || !strings.Contains(got.text, says) {
		t.Errorf("who waits is answered %d %s", got.status, got.text)
	}
	expectCutOff(t, w, following)
}

// expectCutOff prints a line when nobody reads any more.
func expectCutOff(t *testing.T, w *logWorld, following io.Reader) {
	t.Helper()
	w.print(2, 1)
	if rest, err := io.ReadAll(following); !errors.Is(err, io.ErrUnexpectedEOF) || len(rest) > 0 {
		t.Errorf("ended with %q, %v", rest, err)
	}
}
