package relay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/metrics"
)

// fullRoster refuses whoever enters, a moment later.
type fullRoster struct {
	noRoster
	hub      *relay.Hub
	refusing sync.WaitGroup
}

func (r *fullRoster) Enter(appID, channel string, m protocol.Member, _ int) {
	r.refusing.Go(func() { r.hub.Full(appID, channel, m.ID) })
}

// While a full channel refuses users they leave and come again, in several tabs: each time
// that one waits it is answered.
func TestEverybodyWhomAFullChannelRefusesIsToldSo(t *testing.T) {
	roster := &fullRoster{}
	hub := relay.New(relay.Config{
		Roster: roster, Interest: deafInterest{}, Metrics: metrics.New(prometheus.NewRegistry()), Workers: 2,
	})
	roster.hub = hub
	var running, joining sync.WaitGroup
	running.Go(func() { hub.Run(t.Context()) })
	t.Cleanup(running.Wait)
	clients := make([]*refusedClient, 8)
	for i := range clients {
		c := &refusedClient{user: fmt.Sprint("u", i/2)}
		c.dawdler = dawdler{longest: time.Millisecond, look: c.see, stalls: rand.New(rand.NewPCG(uint64(i), 1))}
		if err := c.open(hub, nil); err != nil {
			t.Fatal(err)
		}
		joining.Go(func() {
			for range 300 {
				c.join()
				c.conn.Receive([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"presence-x"}}`))
			}
		})
		clients[i] = c
	}
	joining.Wait()
	roster.refusing.Wait()
	for _, c := range clients {
		told := c.refused.Load()
		c.join()
		await(t, "the last try is answered", func() bool { return c.refused.Load() > told })
		c.conn.Closed()
	}
	roster.refusing.Wait()
}

type refusedClient struct {
	dawdler
	user    string
	refused atomic.Int64
}

func (c *refusedClient) see(payload []byte) {
	if strings.Contains(string(payload), "maximum of") {
		c.refused.Add(1)
	}
}

func (c *refusedClient) join() {
	data := fmt.Sprintf(`{"user_id":%q}`, c.user)
	signature := auth.SignChannel(auth.Key{Key: appKey, Secret: appSecret}, c.conn.ID(), "presence-x", &data)
	c.conn.Receive(fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":"presence-x","channel_data":%q}}`, signature, data))
}
