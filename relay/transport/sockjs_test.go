package transport_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/relay/metrics"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// What ends a session that has no app yet is told once: who goes on with what is no request
// fills no queue.
func TestASessionWithoutAnAppIsRefusedOnce(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{config: transport.FallbackConfig{Grace: time.Minute}})
	const session = "/pusher/000/aaaaaaaa/"
	if _, body := r.roundTrip(request("POST", session+"xhr", "")); body != "o\n" {
		t.Fatalf("the first poll is answered by %q", body)
	}
	for i := range 600 {
		response, _ := r.roundTrip(request("POST", session+"xhr_send", "", "Transfer-Encoding: chunked", "", "no chunk"))
		if i > 0 && response.StatusCode == http.StatusNotFound { // its time is over
			r.awaitSessions(0)
			return
		}
		if response.StatusCode != http.StatusBadRequest {
			t.Fatalf("a body that is none is answered by %s", response.Status)
		}
	}
	_, body := r.roundTrip(request("POST", session+"xhr", ""))
	if strings.Count(body, "c[") != 1 || len(body) > 1_000 {
		t.Errorf("the session ends with %d bytes: %.200q", len(body), body)
	}
	r.awaitSessions(0)
}

// A node that ends does not wait for those who have not said to which app they want.
func TestAnEndWaitsForNobodyWithoutAnApp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New(prometheus.NewRegistry())
		f := transport.NewFallback(transport.FallbackConfig{
			Entrance: transport.Entrance{Metrics: m, WriteTimeout: time.Minute}, Grace: time.Hour,
		})
		if body := askSockJS(f, "aaaaaaaa", "xhr", "").Body.String(); body != "o\n" {
			t.Errorf("the first poll is answered by %q", body)
		}
		began := time.Now()
		f.Wait()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the end took %v", waited)
		}
		if body := askSockJS(f, "bbbbbbbb", "xhr", "").Body.String(); !strings.Contains(body, "c[4200,") {
			t.Errorf("behind the end a poll is answered by %q", body)
		}
	})
}

// askSockJS asks without a server.
func askSockJS(f *transport.Fallback, id, action, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/pusher/000/"+id+"/"+action, strings.NewReader(body))
	for name, value := range map[string]string{"server": "000", "session": id, "action": action} {
		r.SetPathValue(name, value)
	}
	w := httptest.NewRecorder()
	transport.SockJS{Fallback: f}.ServeHTTP(w, r)
	return w
}

// However long it takes to open a session, others are served meanwhile.
func TestOpeningASessionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	entering, entered := make(chan struct{}), make(chan struct{})
	first := true
	f := transport.NewFallback(transport.FallbackConfig{Entrance: transport.Entrance{
		Metrics: metrics.New(prometheus.NewRegistry()), WriteTimeout: time.Minute,
		Admission: transport.NewAdmission(transport.AdmissionConfig{Address: func(*http.Request) netip.Addr {
			if !first {
				entering <- struct{}{}
				<-entered
			}
			first = false
			return netip.Addr{}
		}}),
	}})
	askSockJS(f, "aaaaaaaa", "xhr", "")
	var opening, sending sync.WaitGroup
	opening.Go(func() { askSockJS(f, "bbbbbbbb", "xhr", "") })
	<-entering
	sent := make(chan int, 1)
	sending.Go(func() { sent <- askSockJS(f, "aaaaaaaa", "xhr_send", "[]").Code })
	select {
	case status := <-sent:
		if status != http.StatusNoContent {
			t.Errorf("a send is answered by %d", status)
		}
	case <-time.After(relaytest.Patience):
		t.Error("a send waits until another session is open")
	}
	close(entered)
	opening.Wait()
	sending.Wait()
	f.Wait()
}
