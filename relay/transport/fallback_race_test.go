package transport_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"buildrelay/relay"
	"buildrelay/relay/relaytest"
	"buildrelay/relay/transport"
)

// Everything that can be done to a session is done at once, by many, while events come and
// sessions end. That nothing is left, and nothing raced, is seen in the end.
func TestAnythingAtOnce(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{
		hub:    relay.Config{PingAfter: time.Second, PongTimeout: time.Second},
		config: transport.FallbackConfig{Grace: 20 * time.Millisecond, Heartbeat: 5 * time.Millisecond},
	})
	sessions := []string{"1/aaaaaaaa", "2/aaaaaaaa", "3/aaaaaaaa", "4/aaaaaaaa"}
	ctx, cancel := context.WithCancel(t.Context())
	var publishing, asking sync.WaitGroup
	publishing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			r.publish("news", "n", fmt.Sprint(i, strings.Repeat("x", i%20_000)))
		}
	})
	for worker := range 16 {
		asking.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range 60 {
				r.askAnything(t, client, sessions[random.IntN(len(sessions))], random)
			}
		})
	}
	asking.Wait()
	cancel()
	publishing.Wait()
	r.awaitSessions(0)
	c := r.connect(relaytest.XHROptions{})
	c.Subscribe("news")
	r.publish("news", "n", "last")
	c.Expect("n")
}

// askAnything makes a request, and leaves it after a while, if it has not ended before.
func (r *fallbackRig) askAnything(t *testing.T, client *http.Client, session string, random *rand.Rand) {
	actions := []struct{ action, body string }{
		{"xhr_streaming", ""},
		{"xhr_streaming", ""},
		{"xhr", ""},
		{"xhr", ""},
		{"xhr_send", "[]"},
		{"xhr_send", `["{\"event\":\"pusher:ping\"}"]`},
		{"xhr_send", `["{\"event\":\"pusher:subscribe\",\"data\":{\"channel\":\"news\"}}"]`},
		{"xhr_send", `["{\"event\":\"pusher:unsubscribe\",\"data\":{\"channel\":\"news\"}}"]`},
		{"xhr_send", `[`},
		{"xhr_send", "[\"\xff\"]"}, // ends the session
	}
	asked := actions[random.IntN(len(actions))]
	ctx, leave := context.WithTimeout(t.Context(), time.Duration(random.IntN(20_000))*time.Microsecond)
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url("ci")+"/"+session+"/"+asked.action, strings.NewReader(asked.body))
	if err != nil {
		t.Error(err)
		return
	}
	response, err := client.Do(request)
	if err != nil {
		return // left
	}
	defer response.Body.Close()
	if !documented(response.StatusCode) {
		t.Errorf("%s %s is answered by %s", asked.action, asked.body, response.Status)
	}
	_, _ = io.Copy(io.Discard, response.Body)
}

// documented says whether clients may be answered by a status.
func documented(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNoContent, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusInternalServerError:
		return true
	default:
		return false
	}
}

// Clients read, send and ask again while the node drains: each is told, or refused, and the
// node has nobody left.
func TestDrainWhileClientsAskAgain(t *testing.T) {
	t.Parallel()
	r := newFallbackRig(t, fallbackSetup{})
	var clients []*relaytest.XHRClient
	for i := range 40 {
		c := r.connect(relaytest.XHROptions{Polling: i%2 == 0})
		c.Subscribe("news")
		clients = append(clients, c)
	}
	stop := make(chan struct{})
	var asking sync.WaitGroup
	for _, c := range clients {
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					c.Again()
				}
			}
		})
	}
	r.publish("news", "n", "1")
	r.hub.Drain(t.Context(), 100*time.Millisecond)
	close(stop)
	asking.Wait()
	for _, c := range clients {
		for r := c.Next(); r.Event == "n"; r = c.Next() {
		}
	}
	r.awaitSessions(0)
	c := r.dial(relaytest.XHROptions{})
	c.ExpectError(4100, "")
	c.ExpectClose(4100)
}
