package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
	"buildrelay/relay/metrics"
)

// What an event costs from the broker to the transports of 1000 readers, 64 events at
// a time: on a live channel and, with positions, on a log channel; and where records are kept.
func BenchmarkDeliver(b *testing.B) {
	b.Run("live", func(b *testing.B) { benchmarkDeliver(b, "news", nil) })
	b.Run("log", func(b *testing.B) { benchmarkDeliver(b, "log-1", nil) })
	b.Run("live/recorded", func(b *testing.B) { benchmarkDeliver(b, "news", indifferent{}) })
	b.Run("log/recorded", func(b *testing.B) { benchmarkDeliver(b, "log-1", indifferent{}) })
}

// What it costs to subscribe to a private channel and to leave it, without and with records,
// which nobody writes down.
func BenchmarkSubscribe(b *testing.B) {
	b.Run("private", func(b *testing.B) { benchmarkSubscribe(b, nil) })
	b.Run("private/recorded", func(b *testing.B) { benchmarkSubscribe(b, indifferent{}) })
}

const (
	benchReaders = 1000
	benchBurst   = 64
)

func benchmarkDeliver(b *testing.B, channel string, auditor relay.Auditor) {
	apps, err := auth.NewApps(auth.App{
		ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}, Logs: protocol.LogRules{{Pattern: "log-*"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	app, _ := apps.ByID(appID)
	burst := &burst{channel: channel}
	hub := relay.New(relay.Config{
		Roster:   noRoster{},
		Interest: deafInterest{}, Log: burst, Metrics: metrics.New(prometheus.NewRegistry()), FlushWindow: 1,
		Auditor: auditor,
	})
	var running sync.WaitGroup
	running.Go(func() { hub.Run(b.Context()) })
	b.Cleanup(running.Wait)
	sink := &counter{}
	sink.changed.L = &sink.mu
	for range benchReaders {
		conn, refused := hub.Open(app, app.Keys[0].Key, relay.Facts{}, func(*relay.Conn) relay.Transport { return sink })
		if refused != nil {
			b.Fatal(refused)
		}
		conn.Receive([]byte(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`))
	}
	hub.Confirmed(appID, channel)
	sink.await(benchReaders * len(protocol.Succeeded(channel)))
	b.ReportAllocs()
	for b.Loop() {
		sink.await(benchReaders * burst.deliver(hub))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBurst*benchReaders), "ns/delivery")
}

// indifferent takes records and does nothing with them.
type indifferent struct{}

func (indifferent) Note(audit.Record)                           {}
func (indifferent) Confirm(context.Context, audit.Record) error { return nil }
func (indifferent) Refused(audit.Record, string, string)        {}

func benchmarkSubscribe(b *testing.B, auditor relay.Auditor) {
	apps, err := auth.NewApps(auth.App{ID: appID, Keys: []auth.Key{{Key: appKey, Secret: appSecret}}})
	if err != nil {
		b.Fatal(err)
	}
	app, _ := apps.ByID(appID)
	hub := relay.New(relay.Config{
		Roster: noRoster{}, Interest: deafInterest{}, Metrics: metrics.New(prometheus.NewRegistry()), Auditor: auditor,
	})
	var running sync.WaitGroup
	running.Go(func() { hub.Run(b.Context()) })
	b.Cleanup(running.Wait)
	c := &tally{}
	conn, refused := hub.Open(app, app.Keys[0].Key, clientFacts(), func(conn *relay.Conn) relay.Transport { c.conn = conn; return c })
	if refused != nil {
		b.Fatal(refused)
	}
	signature := auth.SignChannel(app.Keys[0], conn.ID(), "private-x", nil)
	subscribe := fmt.Appendf(nil, `{"event":"pusher:subscribe","data":{"auth":%q,"channel":"private-x"}}`, signature)
	hub.Confirmed(appID, "private-x")
	b.ReportAllocs()
	for b.Loop() {
		conn.Receive(subscribe)
		conn.Receive([]byte(`{"event":"pusher:unsubscribe","data":{"channel":"private-x"}}`))
	}
}

// burst makes events that follow one another. It is their log, too.
type burst struct {
	channel string
	mu      sync.Mutex
	at      protocol.Position
}

// LogTops implements relay.Log.
func (b *burst) LogTops(context.Context, []protocol.ChannelName) ([]protocol.LogTop, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return []protocol.LogTop{{At: b.at}}, nil
}

// ReadLog implements relay.Log: nobody is behind.
func (b *burst) ReadLog(context.Context, string, string, protocol.Start) (protocol.Page, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return protocol.Page{Top: b.at, From: b.at, End: b.at}, nil
}

// deliver delivers a burst of events and returns the bytes that one reader gets.
func (b *burst) deliver(hub *relay.Hub) (bytes int) {
	for range benchBurst {
		prev := b.at.ID
		b.mu.Lock()
		b.at = protocol.Position{Epoch: "00000000000000aa", ID: protocol.ID{Offset: prev.Offset + 1, Nonce: 7}}
		e := protocol.Event{
			Channel: b.channel, Name: "line", Data: strings.Repeat(".", 100), Link: &protocol.Link{At: b.at, Prev: prev},
		}
		hub.Deliver(appID, e)
		b.mu.Unlock()
		if b.channel == "news" {
			e.Link = nil
		}
		bytes += len(protocol.EncodeEvent(e))
	}
	hub.Flush()
	return bytes
}

// counter is the transport of all readers.
type counter struct {
	mu      sync.Mutex
	changed sync.Cond
	bytes   int
}

// await waits until so many more bytes were sent, but for what greets a connection.
func (c *counter) await(bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.bytes < bytes {
		c.changed.Wait()
	}
	c.bytes -= bytes
}

// Send implements relay.Transport.
func (c *counter) Send(p []byte) bool {
	if bytes.Contains(p[:min(len(p), 60)], []byte("pusher:connection_established")) {
		if _, p = cutFrame(p); len(p) == 0 {
			return true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += len(p)
	c.changed.Signal()
	return true
}

func (*counter) Drop() {}

// Cut implements relay.Transport.
func (*counter) Cut() {}
