package relay_test

import (
	"math/rand/v2"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
)

// dawdler is the transport of a reader that looks at every frame and takes everything,
// but says now and then that the client was slow.
type dawdler struct {
	conn    *relay.Conn
	longest time.Duration // that it takes
	look    func(payload []byte)

	mu     sync.Mutex // held while it looks
	stalls *rand.Rand
}

// open makes it the transport of a new connection to an app with these rules.
func (d *dawdler) open(hub *relay.Hub, logs protocol.LogRules) error {
	apps, err := auth.NewApps(auth.App{ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}, Logs: logs})
	if err != nil {
		return err
	}
	app, _ := apps.ByID(appID)
	if _, refused := hub.Open(app, app.Keys[0].Key, relay.Facts{}, func(c *relay.Conn) relay.Transport { d.conn = c; return d }); refused != nil {
		return refused
	}
	return nil
}

// Send implements relay.Transport.
func (d *dawdler) Send(p []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(p) > 0 {
		var payload []byte
		payload, p = cutFrame(p)
		d.look(payload)
	}
	if d.stalls.IntN(10) > 0 {
		return true
	}
	time.AfterFunc(time.Duration(d.stalls.Int64N(int64(d.longest))), d.conn.Sent)
	return false
}

func (*dawdler) Drop() {}

// Cut implements relay.Transport.
func (*dawdler) Cut() {}
