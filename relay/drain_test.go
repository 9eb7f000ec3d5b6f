package relay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// leaver is a client that is gone as soon as it is asked to go; it notes when that was.
type leaver struct {
	conn  *relay.Conn
	asked chan<- time.Time
}

func (*leaver) Send([]byte) bool { return true }
func (*leaver) Cut()             {}
func (l *leaver) Drop() {
	l.asked <- time.Now()
	go l.conn.Closed() // the bubble waits for it
}

// drained returns how long after the beginning of a drain each of n clients was asked to go.
func drained(t *testing.T, n int, window time.Duration) (after []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		apps, err := auth.NewApps(auth.App{ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}})
		if err != nil {
			t.Fatal(err)
		}
		app, _ := apps.ByID(appID)
		hub := relay.New(relay.Config{Metrics: metrics.New(prometheus.NewRegistry())})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go hub.Run(ctx) // the bubble waits for it
		asked := make(chan time.Time, n)
		for range n {
			_, refused := hub.Open(app, app.Keys[0].Key, relay.Facts{}, func(conn *relay.Conn) relay.Transport { return &leaver{conn, asked} })
			if refused != nil {
				t.Fatal(refused)
			}
		}
		began := time.Now()
		hub.Drain(ctx, window)
		hub.Wait(ctx)
		for range n {
			after = append(after, (<-asked).Sub(began))
		}
	})
	return after
}

func TestADrainSpreadsItsClientsUnevenlyOverTheWindow(t *testing.T) {
	t.Parallel()
	const n, window = 200, 20 * time.Second
	const pause = window / (n - 1)
	after := drained(t, n, window)
	if last := after[n-1]; last < window-pause || last > window+pause {
		t.Errorf("the last client was asked after %v", last)
	}
	pauses := map[time.Duration]bool{}
	for i := 1; i < n; i++ {
		p := after[i] - after[i-1]
		pauses[p] = true
		if i < n-10 && (p < pause/4 || p > 2*pause) { // the last ones make up for the others
			t.Errorf("client %d was asked %v after the one before", i, p)
		}
		if want := pause * time.Duration(i); (after[i] - want).Abs() > window/10 {
			t.Errorf("client %d was asked after %v, want about %v", i, after[i], want)
		}
	}
	if len(pauses) < n*9/10 {
		t.Errorf("the pauses are %d different ones: the clients are asked in step", len(pauses))
	}
}

func TestADrainWithoutAWindowAsksAllAtOnce(t *testing.T) {
	t.Parallel()
	for i, after := range drained(t, 100, 0) {
		if after > time.Millisecond {
			t.Errorf("client %d was asked after %v", i, after)
		}
	}
}
