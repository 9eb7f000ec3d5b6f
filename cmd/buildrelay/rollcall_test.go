package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"buildrelay/auth"
)

// Who may publish in Redis may say anything there.
func TestWhatIsNoRollCallIsPassedOver(t *testing.T) {
	t.Parallel()
	r := newRollCall(&Config{})
	hear := r.topic().Hear
	for _, text := range []string{
		"", "{", "[]", `"ask"`, `{"ask":7}`, `{"ask":""}`, `{"answer":"x"}`, `{"ask":"` + strings.Repeat("x", mostRollText) + `"}`,
	} {
		hear(text)
		if len(r.asked) != 0 {
			t.Fatalf("%.40q is answered", text)
		}
	}
	for range 10 * mostRollCalls { // it never waits
		hear(`{"ask":"x"}`)
	}
	if len(r.asked) != mostRollCalls {
		t.Errorf("%d are to be answered", len(r.asked))
	}
}

// What a node signs for who asks does not make anybody the owner of a session.
func TestAnAnswerToARollCallIsNoOwnersSignature(t *testing.T) {
	t.Parallel()
	const secret, url = "a-secret-that-all-nodes-share-1234", "https://10.0.0.5:6001"
	cluster := auth.NewCluster(secret)
	name := cluster.SessionName("key/1/abcdefgh")
	said := newRollCall(&Config{NodeURL: url, ClusterSecret: secret, AuditNode: "node-1"}).answer(name)
	if said.URL != url || said.Node != "node-1" || !cluster.IsOwner(signedFor(name), url, said.Signature) {
		t.Errorf("the answer is %+v", said)
	}
	if cluster.IsOwner(name, url, said.Signature) {
		t.Error("a session can be taken over by it")
	}
	again := newRollCall(&Config{AuditNode: "node-1"})
	if again.answer("x").who() != again.answer("y").who() || again.answer("x").who() == said.who() {
		t.Error("nodes cannot be told apart")
	}
	if said := newRollCall(&Config{}).answer("x"); said.URL != "" || said.Signature != "" {
		t.Errorf("a node alone answers %+v", said)
	}
}

// A header that anybody may send is a proxy's only where one may be.
func TestOnlyNeighboursAreTakenForProxies(t *testing.T) {
	t.Parallel()
	var trusted Networks
	if err := trusted.UnmarshalText([]byte("10.1.0.0/16")); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"203.0.113.7:5000": "", "10.1.2.3:5000": "", "10.2.2.3:5000": "10.2.2.3", "127.0.0.1:5000": "127.0.0.1", "[fd12::1]:5000": "fd12::1",
		"[::ffff:10.2.2.3]:5000": "10.2.2.3", "nowhere": "",
	} {
		r := newRollCall(&Config{TrustedProxies: trusted})
		request := httptest.NewRequest("GET", "/", nil)
		request.RemoteAddr = from
		request.Header.Set("X-Forwarded-For", "198.51.100.1")
		handler := r.watchForwarders(http.NotFoundHandler())
		handler.ServeHTTP(httptest.NewRecorder(), request)
		if got := r.answer("x").Forwarder; got != want {
			t.Errorf("from %s: %q, want %q", from, got, want)
		}
	}
}
