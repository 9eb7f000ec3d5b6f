package authorize_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/relay/audit"
	"buildrelay/relay/authorize"
)

// Whoever does not show who it is has no answer to wait for: nothing is asked.
func TestNothingIsAskedForWhoShowsNoCredentials(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, yes)
	anonymous := func(path, form string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return e.doAsItIs(r)
	}
	for path, form := range map[string]string{"/pusher/auth": subscribing(build), "/pusher/user-auth": "socket_id=" + socketID} {
		if w := anonymous(path, form); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "no credentials") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := anonymous("/pusher/auth", subscribing(build, people)); strings.Count(w.Body.String(), `"status":403`) != 2 || strings.Contains(w.Body.String(), "key:") {
		t.Errorf("several: %d %s", w.Code, w.Body)
	}
	if n := testutil.ToFloat64(e.metrics.Authorizations.Authorizations.WithLabelValues("anonymous")); n != 4 || len(e.decider.asked) > 0 {
		t.Errorf("counted %v, asked %v", n, e.decider.asked)
	}
	if deny, ok := e.journal.refused[len(e.journal.refused)-1].Payload.(audit.SubscriptionDeny); !ok || deny.Reason != "anonymous" {
		t.Errorf("recorded %+v", e.journal.refused)
	}
	for _, name := range []string{"Cookie", "Authorization"} {
		if w := e.post("/pusher/auth", subscribing(build), name, "x=y"); w.Code != http.StatusOK {
			t.Errorf("with %s: %d %s", name, w.Code, w.Body)
		}
	}
}

// A request that names many channels asks about a few at a time, and in the end about all.
func TestARequestAsksAFewQuestionsAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		e := newEndpoint(t, func(q authorize.Question) (authorize.Answer, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
			mu.Lock()
			now--
			mu.Unlock()
			return yes(q)
		})
		var channels []string
		for i := range 10 {
			channels = append(channels, build+strconv.Itoa(i))
		}
		w := e.post("/pusher/auth", subscribing(channels...))
		if most != authorize.MostAtOnce || strings.Count(w.Body.String(), `"status":200`) != 10 {
			t.Errorf("%d at a time: %s", most, w.Body)
		}
	})
}

// Somebody who asks so much that the CI is busy with him waits for himself, and nobody else does.
func TestOneAddressDoesNotKeepOthersFromAsking(t *testing.T) {
	t.Parallel()
	letGo, arrived := make(chan struct{}), make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") == "session=ada" {
			return
		}
		arrived <- struct{}{}
		<-letGo
	}))
	t.Cleanup(server.Close)
	f, _ := newForward(t, server.URL)
	var all sync.WaitGroup
	flood := netip.MustParsePrefix("2001:db8::/64").Addr()
	for range 200 {
		flood = flood.Next() // all of one /64
		q := secretive()
		q.Address, q.Cookie = flood, authCookie(1)
		all.Go(func() {
			if _, err := f.Decide(t.Context(), q); err != nil {
				t.Error(err)
			}
		})
	}
	for range authorize.MostOfAddress {
		<-arrived
	}
	q := secretive()
	q.Address, q.Cookie = netip.MustParseAddr("192.0.2.1"), "session=ada"
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := f.Decide(ctx, q); err != nil {
		t.Errorf("another address: %v", err)
	}
	if more := len(arrived); more > 0 {
		t.Errorf("%d questions of one address beyond %d", more, authorize.MostOfAddress)
	}
	close(letGo)
	all.Wait()
	if n := f.Askers(); n != 0 {
		t.Errorf("%d addresses are remembered", n)
	}
}

// That somebody asks too much is no word about the CI: it is neither logged nor measured nor kept.
func TestWhoWaitsForHimselfIsToldSo(t *testing.T) {
	t.Parallel()
	f, log := newForward(t, "http://127.0.0.1:1")
	q := secretive()
	q.Address = netip.MustParseAddr("192.0.2.1")
	leave := f.FillAddress(t, q.Address)
	c := newCache(f)
	c.Patience = time.Millisecond
	for range 2 {
		if _, err := c.Decide(t.Context(), q); err == nil || !strings.Contains(err.Error(), "of your address are under way") {
			t.Errorf("got %v", err)
		}
	}
	if kept, _ := c.Len(); kept > 0 || log.Len() > 0 {
		t.Errorf("%d kept, logged %s", kept, log)
	}
	leave()
	if f.Askers() != 0 {
		t.Error("the address is remembered")
	}
}
