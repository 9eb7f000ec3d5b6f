package faults

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// ToxicLink is a proxy that treats all its connections badly.
type ToxicLink struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
	// front is before it, for what toxiproxy hangs at: toxics that end connections which
	// they are taken off from, and slices of connections that end.
	front *HoleLink
}

// StartToxicLink returns a proxy that forwards until the test ends.
func StartToxicLink(t testing.TB, server string) *ToxicLink {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // one of the toxics prints what it does
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &ToxicLink{t: t, proxy: toxiproxy.NewProxy(api, "link", "127.0.0.1:0", server)}
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("starting a proxy to %s: %v", server, err)
	}
	t.Cleanup(l.proxy.Stop)
	l.front = StartHoleLink(t, l.proxy.Listen)
	return l
}

// Address is where the proxy listens.
func (l *ToxicLink) Address() string { return l.front.Address() }

// Poison adds one of toxiproxy's toxics to what comes from the server: latency with
// latency and jitter, or timeout, which swallows everything, with timeout 0; all in
// ms.
func (l *ToxicLink) Poison(toxic string, attributes map[string]int) {
	l.t.Helper()
	text, err := json.Marshal(map[string]any{"name": toxic, "type": toxic, "attributes": attributes})
	if err == nil {
		_, err = l.proxy.Toxics.AddToxicJson(strings.NewReader(string(text)))
	}
	if err != nil {
		l.t.Fatalf("adding the toxic %s: %v", toxic, err)
	}
}

// Slice has clients sent no more than so many bytes at a time, or, with 0, as they come.
func (l *ToxicLink) Slice(bytes int) { l.front.Slice(bytes) }

// Heal removes all toxics. Connections that a timeout was on are closed.
func (l *ToxicLink) Heal() { l.proxy.Toxics.ResetToxics(context.Background()) }
