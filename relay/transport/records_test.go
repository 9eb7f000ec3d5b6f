package transport_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// trail keeps records.
type trail struct {
	mu      sync.Mutex
	records []audit.Record
	samples []string // reasons and addresses of those that are sampled
}

func (a *trail) Note(r audit.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, r)
}

func (a *trail) Confirm(_ context.Context, r audit.Record) error {
	a.Note(r)
	return nil
}

func (a *trail) Refused(r audit.Record, reason, address string) {
	a.Note(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.samples = append(a.samples, reason+" of "+address)
}

// of are the records of an action.
func (a *trail) of(action string) []audit.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.records), func(r audit.Record) bool { return r.Action != action })
}

// await waits for one record of an action.
func (a *trail) await(t *testing.T, action string) audit.Record {
	t.Helper()
	relaytest.Eventually(t, action, func() bool { return len(a.of(action)) > 0 })
	return a.of(action)[0]
}

func TestTheRecordOfAWebSocketSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	certs := relaytest.NewCerts(t)
	for name, test := range map[string]struct {
		certs *relaytest.Certs
		tls   string
	}{"plain": {nil, ""}, "TLS": {certs, "TLS 1.3"}} {
		r := newRig(t, transport.AdmissionConfig{}, test.certs, app("ci"))
		c := r.dial(t, "ci?protocol=7", "X-Forwarded-For", "2001:db8::7", "Origin", "https://ci.example")
		id := c.Established()
		got := r.trail.await(t, audit.ActionConnectionOpen)
		want := audit.ConnectionOpen{
			App: "ci", Origin: "https://ci.example", IP: "2001:db8::7", TLS: test.tls, Protocol: 7, Transport: "websocket",
		}
		if diff := cmp.Diff(want, got.Payload); diff != "" || got.Target.ID != id || got.Request.ID != id {
			t.Errorf("%s: %+v (-want +got):\n%s", name, got, diff)
		}
		c.Close(1001)
		c.ExpectClose(1001)
		c.Cut()
		closed := r.trail.await(t, audit.ActionConnectionClose).Payload.(audit.ConnectionClose)
		if closed.Code != 1001 || closed.Reason != "closed by the client" || closed.BytesSent == 0 || closed.IP != "2001:db8::7" {
			t.Errorf("%s: closed as %+v", name, closed)
		}
	}
}

func TestClientsWithoutAConnectionAreRecorded(t *testing.T) {
	t.Parallel()
	pages := app("pages")
	pages.Origins = auth.Origins{"ci.example"}
	for name, test := range map[string]struct {
		key, app, reason, sample string
		code, protocol           int
		limits                   transport.AdmissionConfig
	}{
		"no app":   {"nobody?protocol=7", "", "App key nobody not in", "unknown key", 4001, 7, transport.AdmissionConfig{}},
		"origin":   {"pages?protocol=7", "pages", "Origin not allowed", "Origin not allowed", 4009, 7, transport.AdmissionConfig{}},
		"protocol": {"ci?protocol=9", "ci", "Unsupported protocol version", "Unsupported protocol version", 4007, 9, transport.AdmissionConfig{}},
		"too many": {
			"pages?protocol=7", "pages", "Over capacity: too many handshakes from", "Over capacity: too many handshakes from your address",
			4100, 7,
			transport.AdmissionConfig{AddressHandshakes: 1},
		},
	} {
		r := newRig(t, test.limits, nil, app("ci"), pages)
		if test.limits.AddressHandshakes > 0 {
			r.from("203.0.113.7").Established()
		}
		c := r.dial(t, test.key, "X-Forwarded-For", "203.0.113.7", "Origin", "https://evil.example")
		refused(c, test.code, test.reason)
		got := r.trail.await(t, audit.ActionConnectionRefuse)
		p := got.Payload.(audit.ConnectionRefuse)
		key, _, _ := strings.Cut(test.key, "?")
		if !strings.HasPrefix(p.Reason, test.reason) {
			t.Errorf("%s: the reason is %q", name, p.Reason)
		}
		p.Reason = ""
		want := audit.ConnectionRefuse{
			App: test.app, Origin: "https://evil.example", IP: "203.0.113.7", Protocol: test.protocol, Transport: "websocket", Code: test.code, Count: 1,
		}
		if diff := cmp.Diff(want, p); diff != "" || got.Target.ID != key || got.Success || got.Scope.ID != test.app {
			t.Errorf("%s: %+v (-want +got):\n%s", name, got, diff)
		}
		if want := []string{test.sample + " of 203.0.113.7"}; !slices.Equal(r.trail.samples, want) {
			t.Errorf("%s: sampled as %q, want %q", name, r.trail.samples, want)
		}
	}
}

func TestTheRecordOfASessionSaysWhoOpenedIt(t *testing.T) {
	t.Parallel()
	for name, polling := range map[string]bool{"streaming": false, "polling": true} {
		a := &trail{}
		r := newFallbackRig(t, fallbackSetup{hub: relay.Config{Auditor: a}})
		header := http.Header{"X-Forwarded-For": {"203.0.113.7"}, "Origin": {"https://ci.example"}}
		c := r.connect(relaytest.XHROptions{Polling: polling, Header: header})
		want := audit.ConnectionOpen{App: "ci", Origin: "https://ci.example", IP: "203.0.113.7", Protocol: 7, Transport: name}
		if diff := cmp.Diff(want, a.await(t, audit.ActionConnectionOpen).Payload); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		c.Cut()
		nobody := relaytest.DialXHR(t, r.url("nobody"), relaytest.XHROptions{Polling: polling, Header: header})
		nobody.ExpectError(4001, "App key nobody")
		nobody.ExpectClose(4001)
		nobody.Cut()
		if got := a.await(t, audit.ActionConnectionRefuse); got.Target.ID != "nobody" || got.Payload.(audit.ConnectionRefuse).Transport != name {
			t.Errorf("got %+v", got)
		}
	}
}

// A client of SockJS says to which app it wants by another request, which may come from
// another address: from the node that sent it on.
func TestTheRecordOfASockJSSessionSaysWhoOpenedItAndWhatItWanted(t *testing.T) {
	t.Parallel()
	a := &trail{}
	r := newFallbackRig(t, fallbackSetup{hub: relay.Config{Auditor: a}})
	for session, path := range map[string]string{"aaaaaaaa": "/app/ci?protocol=5", "bbbbbbbb": "/app/nobody?protocol=6"} {
		url := "/pusher/000/" + session + "/"
		if _, body := r.roundTrip(request("POST", url+"xhr", "", "X-Forwarded-For: 203.0.113.7", "Origin: https://ci.example")); body != "o\n" {
			t.Fatalf("the first poll is answered by %q", body)
		}
		knock := `["{\"path\":\"` + path + `\"}"]`
		if response, body := r.roundTrip(request("POST", url+"xhr_send", knock, "X-Forwarded-For: 192.0.2.1")); response.StatusCode != http.StatusNoContent {
			t.Fatalf("%s %s", response.Status, body)
		}
	}
	open := a.await(t, audit.ActionConnectionOpen).Payload
	if diff := cmp.Diff(audit.ConnectionOpen{App: "ci", Origin: "https://ci.example", IP: "203.0.113.7", Protocol: 5, Transport: "sockjs"}, open); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refused := a.await(t, audit.ActionConnectionRefuse)
	if p := refused.Payload.(audit.ConnectionRefuse); p.Protocol != 6 || p.IP != "203.0.113.7" || refused.Target.ID != "nobody" {
		t.Errorf("got %+v", refused)
	}
}
