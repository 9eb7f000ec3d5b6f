package transport_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
	for range 600 {
		response, _ := r.roundTrip(request("POST", session+"xhr_send", "", "Transfer-Encoding: chunked", "", "no chunk"))
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
