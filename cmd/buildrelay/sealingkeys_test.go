package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
	"buildrelay/relay/seal"
)

// Another key opens what was refused for want of it. An apps file that somebody is writing is no
// better for it.
func TestAnotherKeyTakesNoAppsFileThatIsHalfWritten(t *testing.T) {
	t.Parallel()
	const one = "apps:\n- {id: a, keys: [{key: ka, secret: s}]}\n"
	path := write(t, one+"- {id: b, keys: [{key: kb, secret: s}]}\n")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k := newKeyring(t, nil)
	m, log := metrics.New(prometheus.NewRegistry()), slog.New(slog.DiscardHandler)
	n := &node{log: log, keysFile: seal.Watching{Metrics: m, Log: log}, hub: relay.New(relay.Config{Metrics: m}), config: k.config()}
	n.broker = broker.New(broker.Config{Metrics: m, Log: log})
	if err := n.config.loadKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.appsFile = &appsfile.Watch{Path: path, Open: n.config.reveal, Metrics: m, Log: log}
	if _, err := n.appsFile.Load(); err != nil {
		t.Fatal(err)
	}
	var taken []string // the first app's secrets
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { n.attendKeys(ctx) })
	running.Go(func() {
		n.appsFile.Run(ctx, time.Hour, func(apps []auth.App) error {
			taken = append(taken, string(apps[0].Keys[0].Secret))
			return nil
		})
	})
	put(one)
	k.do(keysRotate)
	n.reloadKeys(ctx) // the apps file was asked for another try by then
	next := newKeyring(t, map[string]string{"RELAY_KEYS_FILE": filepath.Join(t.TempDir(), "next.json")})
	copyFile(t, k.environ["RELAY_KEYS_FILE"], next.environ["RELAY_KEYS_FILE"])
	next.do(keysRotate)
	sealed, err := next.keys().SealSecret("of the next key")
	if err != nil {
		t.Fatal(err)
	}
	put("apps: [{id: a, keys: [{key: ka, secret: '" + sealed + "'}]}]")
	n.appsFile.Reload(ctx) // it is refused
	copyFile(t, next.environ["RELAY_KEYS_FILE"], k.environ["RELAY_KEYS_FILE"])
	n.reloadKeys(ctx)
	stop()
	running.Wait()
	if !slices.Equal(taken, []string{"of the next key"}) {
		t.Errorf("taken: %q", taken)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
