package authorize_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/authorize"
	"buildrelay/relay/metrics"
)

// newRevocable is an endpoint that keeps what d decides, and the hub that hears of revocations.
func newRevocable(t *testing.T, d authorize.Decider) (endpoint, *relay.Hub) {
	t.Helper()
	known := &relay.Revocations{}
	e, c := newEndpoint(t, yes), newCache(d)
	c.Revocations, e.Revocations, e.Decider = known, known, c
	return e, relay.New(relay.Config{Revocations: known, Metrics: metrics.New(prometheus.NewRegistry())})
}

func (e endpoint) expect(t *testing.T, form string, status int, want *auth.Decision) {
	t.Helper()
	path := "/pusher/auth"
	if form == signingIn {
		path = "/pusher/user-auth"
	}
	w := e.post(path, form)
	if w.Code != status {
		t.Fatalf("%s: %d %s, want %d", form, w.Code, w.Body, status)
	}
	if status != http.StatusOK {
		return
	}
	got, err := auth.DecisionOf(parse(t, w.Body.String()).Auth)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%s: signed (-want +got):\n%s%v", form, diff, err)
	}
}

const signingIn = "socket_id=" + socketID

// nobody lets everybody in and says of none who it is.
func nobody(authorize.Question) (authorize.Answer, error) { return authorize.Answer{}, nil }

func TestWhatIsSignedSaysOfWhomItIsAndWhatWasKnown(t *testing.T) {
	t.Parallel()
	e, hub := newRevocable(t, &decider{decide: yes})
	e.expect(t, subscribing(build), http.StatusOK, &auth.Decision{User: "ada", After: 1})
	hub.Revoke(relay.Revocation{Number: 10, App: "3", User: "bob"})
	e.expect(t, subscribing(build), http.StatusOK, &auth.Decision{User: "ada", After: 1}) // it is kept
	e.expect(t, subscribing(people), http.StatusOK, &auth.Decision{User: "ada", After: 10})
	e.expect(t, signingIn, http.StatusOK, &auth.Decision{User: "ada", After: 10})
	e.Decider = &decider{decide: nobody} // keeps nothing
	e.expect(t, subscribing(build), http.StatusOK, &auth.Decision{After: 10})
}

func TestAnswersThatAreRevokedAreForgotten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decide       func(authorize.Question) (authorize.Answer, error)
		revoke       relay.Revocation
		form         string
		asked, after int // -1: what is signed is no matter
	}{
		"of the user":                     {yes, relay.Revocation{App: "3", User: "ada"}, subscribing(build), 2, 10},
		"of the user, to sign in":         {yes, relay.Revocation{App: "3", User: "ada"}, signingIn, 2, 10},
		"of the channel":                  {yes, relay.Revocation{App: "3", Channel: build}, subscribing(build), 2, 10},
		"of a pattern":                    {yes, relay.Revocation{App: "3", Channel: "private-*"}, subscribing(build), 2, 10},
		"of both":                         {yes, relay.Revocation{App: "3", User: "ada", Channel: "private-*"}, subscribing(build), 2, 10},
		"of who may be the user":          {nobody, relay.Revocation{App: "3", User: "ada"}, subscribing(build), 2, 10},
		"no":                              {no, relay.Revocation{App: "3", Channel: "*"}, subscribing(build), 2, -1},
		"not of another user":             {yes, relay.Revocation{App: "3", User: "bob"}, subscribing(build), 1, 1},
		"not of another channel":          {yes, relay.Revocation{App: "3", User: "ada", Channel: "private-x"}, subscribing(build), 1, 1},
		"not of another user's channel":   {yes, relay.Revocation{App: "3", User: "bob", Channel: build}, subscribing(build), 1, 1},
		"not of another app":              {yes, relay.Revocation{App: "4", User: "ada"}, subscribing(build), 1, 1},
		"not of a channel, to sign in":    {yes, relay.Revocation{App: "3", Channel: "*"}, signingIn, 1, 1},
		"not of a user there, to sign in": {yes, relay.Revocation{App: "3", User: "ada", Channel: "*"}, signingIn, 1, 1},
	} {
		d := &decider{decide: tt.decide}
		e, hub := newRevocable(t, d)
		status, user := http.StatusOK, "ada"
		if tt.after < 0 {
			status = http.StatusForbidden
		}
		if name == "of who may be the user" {
			user = ""
		}
		e.expect(t, tt.form, status, &auth.Decision{User: user, After: 1})
		tt.revoke.Number = 10
		hub.Revoke(tt.revoke)
		e.expect(t, tt.form, status, &auth.Decision{User: user, After: int64(tt.after)})
		e.expect(t, tt.form, status, &auth.Decision{User: user, After: int64(tt.after)})
		if len(d.asked) != tt.asked {
			t.Errorf("%s: asked %d times, want %d", name, len(d.asked), tt.asked)
		}
	}
}

// inTurn answers each question when it is let go, and by what it is told then.
type inTurn chan func() (authorize.Answer, error)

func (d inTurn) Decide(ctx context.Context, _ authorize.Question) (authorize.Answer, error) {
	select {
	case answer := <-d:
		return answer()
	case <-ctx.Done():
		return authorize.Answer{}, ctx.Err()
	}
}

// The CI was asked before, and says yes after: nobody knows what it had seen by then. Those who wait
// for the same answer get the next one, too.
func TestAnAnswerThatIsRevokedWhileItIsGivenIsNotBelieved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := make(inTurn)
		e, hub := newRevocable(t, d)
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { e.expect(t, subscribing(build), http.StatusForbidden, nil) })
		}
		synctest.Wait()
		hub.Revoke(relay.Revocation{Number: 10, App: "3", User: "ada"})
		all.Go(func() { e.expect(t, subscribing(build), http.StatusForbidden, nil) })
		synctest.Wait()
		d <- func() (authorize.Answer, error) { return yes(authorize.Question{}) }
		synctest.Wait()
		for done := false; !done; { // those that ask again are one question, or a few
			select {
			case d <- func() (authorize.Answer, error) { return no(authorize.Question{}) }:
				synctest.Wait()
			default:
				done = true
			}
		}
		all.Wait()
	})
}

// Somebody revokes without end: then it is not decided, and nobody waits for ever.
func TestWhatIsRevokedAgainAndAgainIsUndecided(t *testing.T) {
	t.Parallel()
	number := int64(10)
	var hub *relay.Hub
	d := &decider{decide: func(authorize.Question) (authorize.Answer, error) {
		hub.Revoke(relay.Revocation{Number: number, App: "3", Channel: build})
		number++
		return authorize.Answer{Member: &protocol.Member{ID: "ada"}}, nil
	}}
	var e endpoint
	e, hub = newRevocable(t, d)
	e.expect(t, subscribing(build), http.StatusServiceUnavailable, nil)
	if len(d.asked) != 3 {
		t.Errorf("asked %d times", len(d.asked))
	}
}

// How long an answer is kept does not change by that somebody else is revoked.
func TestRevocationsOfOthersCostNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &decider{decide: yes}
		e, hub := newRevocable(t, d)
		for i := range 9 {
			e.expect(t, subscribing(build), http.StatusOK, &auth.Decision{User: "ada", After: 1})
			hub.Revoke(relay.Revocation{Number: int64(10 + i), App: "3", User: "bob"})
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
		}
		if len(d.asked) != 1 {
			t.Errorf("asked %d times", len(d.asked))
		}
	})
}
