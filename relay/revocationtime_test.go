package relay_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

const (
	hour   = int64(time.Hour / time.Microsecond)
	minute = hour / 60
	noon   = int64(1_800_000_000_000_000) // by Redis' clock
)

func revoked(number int64, user string) relay.Revocation {
	return relay.Revocation{Number: number, App: appID, User: user}
}

func outdated(r *relay.Revocations, user string, after int64) bool {
	return r.Outdated(appID, "private-x", &auth.Decision{User: user, After: after})
}

// A node that starts when all is forgotten in Redis signs what others take, who remember.
func TestWhoHasCaughtUpKnowsAllFromBefore(t *testing.T) {
	t.Parallel()
	var old, fresh relay.Revocations
	elder := knowing(&old)
	elder.Revoke(revoked(noon-5*hour, "bob"))
	elder.Revoke(revoked(noon-3*hour, "cyd"))
	if !outdated(&old, "ada", fresh.Last(appID)) {
		t.Error("who knows nothing knows all")
	}
	hub := knowing(&fresh)
	hub.CatchUp(noon, nil)
	after := fresh.Last(appID)
	if outdated(&old, "ada", after) {
		t.Errorf("what is decided after %d is outdated", after)
	}
	elder.Revoke(revoked(noon-minute, "ada")) // the master that takes over has a clock that is behind
	if !outdated(&old, "ada", after) {
		t.Error("what was revoked since is not")
	}
	hub.CatchUp(noon-minute, nil)
	if fresh.Last(appID) != after {
		t.Error("it is less by and by")
	}
}

// What was revoked meanwhile is not kept any more.
func TestADecisionFromBeforeANodeWasCutOffForLongIsOutdated(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		gap  int64
		want bool
	}{"for an hour": {hour, true}, "for three": {3 * hour, true}, "for half of one": {hour / 2, false}} {
		var r relay.Revocations
		hub := knowing(&r)
		hub.CatchUp(noon-tt.gap, nil)
		before := r.Last(appID)
		hub.CatchUp(noon, nil)
		if got := outdated(&r, "ada", before); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if outdated(&r, "ada", r.Last(appID)) {
			t.Errorf("%s: what it signs now is, too", name)
		}
		if r.Outdated(appID, "private-x", nil) {
			t.Errorf("%s: a backend's is, too", name)
		}
	}
}

// It has clients all the same.
func TestANodeThatIsCutOffFromTheStartHasMissedAsMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r relay.Revocations
		hub := knowing(&r)
		<-time.After(2 * time.Hour) // of the bubble's clock
		hub.CatchUp(noon, nil)
		if !outdated(&r, "ada", 1) {
			t.Error("what was decided meanwhile is believed")
		}
	})
}

// room is a hub that runs, and has a client for each of these users, of decisions with these numbers;
// "" is one that a backend has signed for.
func room(t *testing.T, r *relay.Revocations, users map[string]int64) (*relay.Hub, map[string]*guest) {
	t.Helper()
	apps, err := auth.NewApps(twoKeys(auth.KeyActive))
	if err != nil {
		t.Fatal(err)
	}
	app, _ := apps.ByID(appID)
	hub := relay.New(relay.Config{Interest: deafInterest{}, Roster: noRoster{}, Revocations: r, Metrics: metrics.New(prometheus.NewRegistry())})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	key, guests := auth.Key{Key: appKey, Secret: appSecret}, make(map[string]*guest)
	for user, after := range users {
		g := &guest{gone: make(chan struct{})}
		if _, refused := hub.Open(app, appKey, relay.Facts{}, func(conn *relay.Conn) relay.Transport { g.conn = conn; return g }); refused != nil {
			t.Fatal(refused)
		}
		signed := auth.SignChannel(key, g.conn.ID(), "private-x", nil)
		if user != "" {
			signed = auth.Decision{User: user, After: after}.SignChannel(key, g.conn.ID(), "private-x", nil)
		}
		g.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":"private-x"}}`, signed))
		guests[user] = g
	}
	return hub, guests
}

// expectGone waits until these are closed, and says who else is.
func expectGone(t *testing.T, guests map[string]*guest, want ...string) {
	t.Helper()
	for _, user := range want {
		<-guests[user].gone
		if !guests[user].heard("Authorization was revoked") {
			t.Errorf("%q is closed for something else", user)
		}
		guests[user].conn.Closed()
		delete(guests, user)
	}
	for user, g := range guests {
		select {
		case <-g.gone:
			t.Errorf("%q is closed, too", user)
		default:
		}
		g.conn.Closed()
	}
}

// Nobody can say any more whose decisions were taken back, nor when a backend's were made.
func TestWhoStandsOnWhatANodeHasMissedComesAgain(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub, guests := room(t, &r, map[string]int64{"ada": noon - 4*hour, "bob": noon - 3*hour, "cyd": noon - hour/2, "": 0})
	hub.CatchUp(noon-3*hour, nil)
	hub.CatchUp(noon, nil)
	expectGone(t, guests, "ada", "bob", "")
}

func TestWhoStandsOnWhatIsKnownStays(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub, guests := room(t, &r, map[string]int64{"ada": noon - hour/2, "bob": noon - hour/2, "": 0})
	hub.CatchUp(noon-hour/2, nil)
	hub.CatchUp(noon, []relay.Revocation{revoked(noon-minute, "ada")})
	expectGone(t, guests, "ada")
}

// Redis' clock was ahead: of what was decided then nobody would know whether it was taken back.
func TestWhoStandsOnATimeThatHasNotComeComesAgain(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub, guests := room(t, &r, map[string]int64{"ada": noon + 2*hour, "bob": noon, "": 0})
	hub.CatchUp(noon+2*hour, nil)
	hub.CatchUp(noon, nil)
	expectGone(t, guests, "ada")
	if !outdated(&r, "ada", noon+2*hour) {
		t.Error("it is believed again")
	}
}

// Who writes into Redis, or its clock, can not make the node miss what is revoked later.
func TestANumberOfATimeThatHasNotComeChangesNothing(t *testing.T) {
	t.Parallel()
	for _, number := range []int64{math.MaxInt64, 1<<53 + 1, 4_000_000_000_000_000, noon + 2*hour} {
		var r relay.Revocations
		hub := knowing(&r)
		hub.CatchUp(noon, nil)
		last := r.Last(appID)
		if r.Timely(number) {
			t.Errorf("%d is near", number)
		}
		hub.CatchUp(noon, []relay.Revocation{revoked(number, "nobody")})
		if r.Last(appID) != last {
			t.Errorf("%d: the last is %d", number, r.Last(appID))
		}
		hub.Revoke(revoked(number, "nobody")) // it was heard before the node looked
		hub.CatchUp(noon, []relay.Revocation{revoked(noon+1, "bob")})
		if outdated(&r, "ada", noon) || !outdated(&r, "bob", noon) {
			t.Errorf("%d: ada's is outdated: %v, and bob's", number, outdated(&r, "ada", noon))
		}
		if last := r.Last(appID); last > noon+5*minute {
			t.Errorf("%d: the last is %d", number, last)
		}
		hub.Revoke(revoked(noon+2, "ada"))
		if !outdated(&r, "ada", noon+1) {
			t.Errorf("%d: ada is not revoked", number)
		}
	}
}

func TestWhatIsToldNowIsTimely(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	if now := time.Now().UnixMicro(); !r.Timely(now) || r.Timely(now+hour) || r.Timely(now-hour) {
		t.Error("a node that has not looked goes by its own clock")
	}
	knowing(&r).CatchUp(noon, nil)
	for number, want := range map[int64]bool{noon: true, noon - minute: true, noon + minute: true, noon + hour: false, noon - hour: false, -1: false, 0: false} {
		if r.Timely(number) != want {
			t.Errorf("%d: %v", number-noon, !want)
		}
	}
}

// Each look at Redis finds all that is kept: what would be forgotten at once is not taken.
func TestWhatIsTooOldIsNotNewAgainAndAgain(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub, guests := room(t, &r, map[string]int64{"bob": noon - 3*hour, "last": noon})
	hub.Revoke(revoked(noon, "nobody"))
	for range 3 {
		hub.Revoke(revoked(noon-2*hour, "bob"))
	}
	hub.Revoke(revoked(noon+1, "last"))
	expectGone(t, guests, "last")
}

// It takes the place of nobody else's.
func TestTheSameRevokedAgainIsOne(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub := knowing(&r)
	hub.Revoke(revoked(10, "bob"))
	for i := range relay.MostRevocations {
		hub.Revoke(revoked(int64(11+i), "ada"))
	}
	if outdated(&r, "cyd", 9) || !outdated(&r, "bob", 9) {
		t.Error("bob's was forgotten")
	}
	if last := int64(10 + relay.MostRevocations); !outdated(&r, "ada", last-1) || outdated(&r, "ada", last) {
		t.Error("it is not the later one that counts")
	}
}

// An app that revokes without end costs itself alone.
func TestAnAppDoesNotFillWhatIsKnownOfOthers(t *testing.T) {
	t.Parallel()
	var r relay.Revocations
	hub := knowing(&r)
	hub.Revoke(revoked(10, "ada"))
	for i := range relay.MostRevocations + 1 {
		hub.Revoke(relay.Revocation{Number: int64(11 + i), App: "4", User: fmt.Sprint(i)})
	}
	if !outdated(&r, "ada", 9) || outdated(&r, "bob", 9) {
		t.Error("another app's were forgotten")
	}
	if !r.Outdated("4", "private-x", &auth.Decision{User: "bob", After: 9}) {
		t.Error("its own are known")
	}
}
