package relay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// knowing is a hub that knows the revocations with these numbers, of everything.
func knowing(revocations *relay.Revocations, numbers ...int64) *relay.Hub {
	hub := relay.New(relay.Config{Revocations: revocations, Metrics: metrics.New(prometheus.NewRegistry())})
	for _, n := range numbers {
		hub.Revoke(relay.Revocation{Number: n, App: appID, Channel: "*"})
	}
	return hub
}

func TestTheLastRevocationIsToldFromNone(t *testing.T) {
	t.Parallel()
	var none *relay.Revocations
	some := &relay.Revocations{}
	if none.Last(appID) != 1 || some.Last(appID) != 1 || none.Outdated(appID, "private-x", &auth.Decision{}) || none.Doubted(appID, "private-x", auth.Decision{}) {
		t.Error("who knows none knows some")
	}
	knowing(some, 7, 9, 8)
	if some.Last(appID) != 9 || some.Last("4") != 1 {
		t.Errorf("the last is %d, of another app %d", some.Last(appID), some.Last("4"))
	}
}

// What came before the oldest that is known is forgotten: so a decision from before that counts no
// more, as nobody knows what became of it.
func TestADecisionOlderThanWhatIsKnownIsOutdated(t *testing.T) {
	t.Parallel()
	hour := relay.RevocationsKept.Microseconds()
	for name, tt := range map[string]struct{ revoke func(*relay.Revocations) }{
		"an hour later": {func(r *relay.Revocations) {
			hub := knowing(r)
			for _, n := range []int64{10, 11 + hour} {
				hub.Revoke(relay.Revocation{Number: n, App: appID, User: fmt.Sprint(n)})
			}
		}},
		"too many": {func(r *relay.Revocations) {
			hub := knowing(r)
			hub.Revoke(relay.Revocation{Number: 10, App: appID, User: "bob"})
			for i := range relay.MostRevocations {
				hub.Revoke(relay.Revocation{Number: int64(11 + i), App: appID, User: fmt.Sprint(i), Channel: "private-other"})
			}
		}},
	} {
		var r relay.Revocations
		tt.revoke(&r)
		for after, want := range map[int64]bool{9: true, 10: false} {
			d := &auth.Decision{User: "ada", After: after}
			if got := r.Outdated(appID, "private-x", d); got != want || r.Outdated("4", "private-x", d) {
				t.Errorf("%s, after %d: %v", name, after, got)
			}
		}
		if r.Outdated("4", "private-x", nil) {
			t.Errorf("%s: a backend's is outdated", name)
		}
	}
}

// Where nobody said of whom a decision is it is asked again, but no client is sent away for it.
func TestADecisionOfNobodyKnowsIsDoubtedAlone(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub := knowing(&r)
	hub.Revoke(relay.Revocation{Number: 10, App: appID, User: "ada"})
	for _, tt := range []struct {
		app, channel      string
		d                 auth.Decision
		outdated, doubted bool
	}{
		{appID, "private-x", auth.Decision{After: 9}, false, true},
		{appID, "", auth.Decision{After: 9}, false, true},
		{appID, "private-x", auth.Decision{User: "ada", After: 9}, true, true},
		{appID, "", auth.Decision{User: "ada", After: 9}, true, true},
		{appID, "private-x", auth.Decision{User: "bob", After: 9}, false, false},
		{appID, "private-x", auth.Decision{User: "ada", After: 10}, false, false},
		{"4", "private-x", auth.Decision{User: "ada", After: 9}, false, false},
	} {
		if got := r.Outdated(tt.app, tt.channel, &tt.d); got != tt.outdated {
			t.Errorf("%+v: outdated %v", tt, got)
		}
		if got := r.Doubted(tt.app, tt.channel, tt.d); got != tt.doubted {
			t.Errorf("%+v: doubted %v", tt, got)
		}
	}
}

// Whoever subscribes or signs in just while the decision is taken back does not stay.
func TestNobodySlipsInWhileADecisionIsRevoked(t *testing.T) {
	t.Parallel()
	hub, _, guests := startGuests(t, 200)
	key, ada := auth.Key{Key: appKey, Secret: appSecret}, auth.Decision{User: "ada", After: 9}
	comeInWhile(guests, knocks{
		subscribe: func(id, channel string) string { return ada.SignChannel(key, id, channel, nil) },
		signIn:    func(id, data string) string { return ada.SignUser(key, id, data) },
	}, func() { hub.Revoke(relay.Revocation{Number: 10, App: appID, User: "ada"}) })
	for i, g := range guests {
		select {
		case <-g.gone:
		case <-time.After(time.Minute):
		}
		if !g.heard("Authorization was revoked") {
			t.Errorf("client %d is let in by a decision that was taken back, and stays", i)
		}
		g.conn.Closed()
	}
}
