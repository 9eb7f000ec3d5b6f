package relay_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// twoKeys is an app one of whose keys is in a state.
func twoKeys(state auth.KeyState) auth.App {
	return auth.App{ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}, {Key: "old", Secret: secretOf("old"), State: state}}}
}

// Those who stand on a key that is revoked are asked to come again over the window, and come
// without a pause where they went by themselves.
func TestARevokedKeysClientsAreAskedOverTheWindow(t *testing.T) {
	t.Parallel()
	const n, window = 100, 20 * time.Second
	synctest.Test(t, func(t *testing.T) {
		apps, err := auth.NewApps(twoKeys(auth.KeyActive))
		if err != nil {
			t.Fatal(err)
		}
		app, _ := apps.ByID(appID)
		hub := relay.New(relay.Config{Metrics: metrics.New(prometheus.NewRegistry()), ReconnectWindow: window})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go hub.Run(ctx) // the bubble waits for it
		asked := make(chan time.Time, 2*n)
		for i := range 2 * n {
			key := []string{appKey, "old"}[i%2]
			if _, refused := hub.Open(app, key, relay.Facts{}, func(conn *relay.Conn) relay.Transport { return &leaver{conn, asked} }); refused != nil {
				t.Fatal(refused)
			}
		}
		began := time.Now()
		if err := hub.Reload(apps, []auth.App{twoKeys(auth.KeyRevoked)}); err != nil {
			t.Fatal(err)
		}
		<-time.After(window + 2*time.Second)
		if len(asked) != n {
			t.Fatalf("%d of %d are asked", len(asked), n)
		}
		for i := range n {
			const pause = window / (n - 1)
			if after, want := (<-asked).Sub(began), pause*time.Duration(i); (after - want).Abs() > window/5 {
				t.Errorf("client %d is asked after %v, want about %v", i, after, want)
			}
		}
	})
}

// guest is a client that notes by which words it was closed.
type guest struct {
	conn *relay.Conn

	mu   sync.Mutex
	told strings.Builder
	gone chan struct{} // closed when it was dropped
}

func (g *guest) Send(p []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told.Write(p)
	return true
}

func (g *guest) Drop() { close(g.gone) }
func (*guest) Cut()    {}

// startGuests runs a hub until the test ends, and returns it with its apps and so many connected clients.
func startGuests(t *testing.T, n int) (*relay.Hub, *auth.Apps, []*guest) {
	t.Helper()
	apps, err := auth.NewApps(twoKeys(auth.KeyActive))
	if err != nil {
		t.Fatal(err)
	}
	app, _ := apps.ByID(appID)
	hub := relay.New(relay.Config{Interest: deafInterest{}, Roster: noRoster{}, Metrics: metrics.New(prometheus.NewRegistry())})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	guests := make([]*guest, n)
	for i := range guests {
		g := &guest{gone: make(chan struct{})}
		if _, refused := hub.Open(app, appKey, relay.Facts{}, func(conn *relay.Conn) relay.Transport { g.conn = conn; return g }); refused != nil {
			t.Fatal(refused)
		}
		guests[i] = g
	}
	return hub, apps, guests
}

// knocks are what clients show who come in.
type knocks struct {
	subscribe func(socketID, channel string) string
	signIn    func(socketID, userData string) string
}

// comeInWhile has every other of the guests subscribe and the others sign in, does something when
// a quarter of them have, and returns when all have.
func comeInWhile(guests []*guest, shown knocks, happens func()) {
	var knocking sync.WaitGroup
	in := make(chan struct{}, len(guests))
	for i, g := range guests {
		knocking.Go(func() {
			defer func() { in <- struct{}{} }()
			if i%2 == 0 {
				g.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":"private-x"}}`, shown.subscribe(g.conn.ID(), "private-x")))
			} else {
				data := `{"id":"ada"}`
				g.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:signin","data":{"auth":%q,"user_data":%q}}`, shown.signIn(g.conn.ID(), data), data))
			}
		})
	}
	for range len(guests) / 4 {
		<-in
	}
	happens()
	knocking.Wait()
}

// A client that subscribes, or signs in, just while its key is revoked is refused or asked to
// come again: whoever is let in by a key that is not valid any more does not stay.
func TestNobodySlipsInWhileAKeyIsRevoked(t *testing.T) {
	t.Parallel()
	hub, apps, guests := startGuests(t, 200)
	old := auth.Key{Key: "old", Secret: secretOf("old")}
	comeInWhile(guests, knocks{
		subscribe: func(id, channel string) string { return auth.SignChannel(old, id, channel, nil) },
		signIn:    func(id, data string) string { return auth.SignUser(old, id, data) },
	}, func() {
		if err := hub.Reload(apps, []auth.App{twoKeys(auth.KeyRevoked)}); err != nil {
			t.Error(err)
		}
	})
	for i, g := range guests {
		if !g.isOut() {
			t.Errorf("client %d is let in by a key that is revoked, and stays", i)
		}
		g.conn.Closed()
	}
}

// isOut waits until the client was told that its key is none, or is asked to come again.
func (g *guest) isOut() bool {
	patience := time.NewTimer(time.Minute)
	defer patience.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		if g.heard("Invalid key in subscription auth data") {
			return true
		}
		select {
		case <-g.gone:
			return g.heard("not valid any more")
		case <-look.C:
		case <-patience.C:
			return false
		}
	}
}

// heard says whether the client was told so.
func (g *guest) heard(text string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Contains(g.told.String(), text)
}
