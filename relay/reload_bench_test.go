package relay_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// A reload without other keys, and with some, where it is looked what each of 10,000 connections
// with three subscriptions stands on.
func BenchmarkReload10000Connections(b *testing.B) {
	b.Run("the same keys", func(b *testing.B) { benchmarkReload(b, [2]auth.KeyState{auth.KeyActive, auth.KeyActive}) })
	b.Run("other keys", func(b *testing.B) { benchmarkReload(b, [2]auth.KeyState{auth.KeyActive, auth.KeyRetiring}) })
}

func benchmarkReload(b *testing.B, states [2]auth.KeyState) {
	apps, err := auth.NewApps(twoKeys(auth.KeyActive))
	if err != nil {
		b.Fatal(err)
	}
	app, _ := apps.ByID(appID)
	hub := relay.New(relay.Config{Interest: deafInterest{}, Roster: noRoster{}, Metrics: metrics.New(prometheus.NewRegistry())})
	for range 10_000 {
		c := &tally{}
		conn, refused := hub.Open(app, appKey, relay.Facts{}, func(conn *relay.Conn) relay.Transport { c.conn = conn; return c })
		if refused != nil {
			b.Fatal(refused)
		}
		for _, channel := range []string{"private-a", "private-b", "private-c"} {
			signed := auth.SignChannel(app.Keys[0], conn.ID(), channel, nil)
			conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":%q}}`, signed, channel))
		}
	}
	i := 0
	for b.Loop() {
		i++
		if err := hub.Reload(apps, []auth.App{twoKeys(states[i%2])}); err != nil {
			b.Fatal(err)
		}
	}
}
