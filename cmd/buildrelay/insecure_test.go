package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/relay/broker"
	"buildrelay/relay/metrics"
)

func TestWhatOthersCanReadAlongIsFound(t *testing.T) {
	t.Parallel()
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, c := range []struct {
		change   map[string]string
		listener listener
		want     string
	}{
		{nil, listener{address: "127.0.0.1:6001"}, ""},
		{nil, listener{address: ":6001", tls: secure}, ""},
		{nil, listener{address: ":6001"}, "listener"},
		{map[string]string{"RELAY_REDIS_URL": "redis://redis:6379"}, listener{address: "[::1]:6001"}, "redis"},
		{map[string]string{"RELAY_REDIS_URL": "rediss://redis:6379"}, listener{address: "10.0.0.5:6001"}, "listener"},
		{map[string]string{"RELAY_METRICS_LISTEN": ":9601"}, listener{address: "localhost:1"}, ""},
		{map[string]string{"RELAY_METRICS_LISTEN": ":9601", "RELAY_ADMIN_TOKEN": secret32}, listener{address: "localhost:1"}, "operators"},
		{map[string]string{"RELAY_METRICS_LISTEN": ":9601", "RELAY_ADMIN_TOKEN": secret32, "RELAY_METRICS_TLS": "on"}, listener{address: "localhost:1"}, ""},
		{map[string]string{"RELAY_METRICS_LISTEN": "127.0.0.1:9601", "RELAY_ADMIN_TOKEN": secret32}, listener{address: ":1"}, "listener"},
	} {
		conf, err := loadConfig(environOf(enough(), c.change))
		if err != nil {
			t.Fatal(err)
		}
		n := &node{config: conf}
		if n.redis, err = redisServers(conf); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range n.insecurities([]listener{c.listener}) {
			got = append(got, i.what)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("with %v at %s: %q, want %q", c.change, c.listener.address, text, c.want)
		}
	}
}

// Nobody forgets what was turned off for an afternoon.
func TestWhatOthersCanReadAlongIsWarnedOfEachHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := &node{log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		n.remind(ctx, plain([]listener{{address: ":6001"}}), remindEvery)
		if told := strings.Count(log.String(), `level=WARN msg="NOT SECURE: everybody on the network can read along" what="serving without TLS" address=:6001 setting=RELAY_TLS`); told != 3 {
			t.Errorf("it is told %d times:\n%s", told, &log)
		}
	})
}

func TestWhatOthersCanReadAlongIsToldWhereverOneLooks(t *testing.T) {
	t.Parallel()
	m := metrics.New(prometheus.NewRegistry())
	n := &node{log: slog.New(slog.DiscardHandler), access: m.Access, running: newParts()}
	if reasons := n.exposed.reasons(); reasons != nil {
		t.Errorf("before anybody looked there is %q", reasons)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n.startReminding(ctx, plain([]listener{{address: "127.0.0.1:1"}, {address: ":6001"}}))
	if reasons := n.exposed.reasons(); !slices.Equal(reasons, []string{"serving without TLS (RELAY_TLS)"}) {
		t.Errorf("the page is told %q", reasons)
	}
	for what, want := range map[string]float64{"listener": 1, "operators": 0, "redis": 0} {
		if got := testutil.ToFloat64(m.Insecure.WithLabelValues(what)); got != want {
			t.Errorf("the metric of %s is %v", what, got)
		}
	}
	cancel()
	n.running.wait()
}

func TestTheCheckOfRedisTellsThatThereIsNoTLS(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{"redis://127.0.0.1": "", "rediss://redis": "", "redis+cluster://a:1,b:2": "at a:1, b:2"} {
		servers, err := redisServers(Config{RedisURL: auth.Secret(url)})
		if err != nil {
			t.Fatal(err)
		}
		found := checkTransport(servers)
		if (len(found) == 0) != (says == "") || len(found) > 0 && (found[0].Grade != broker.Note || !strings.Contains(found[0].Text, says)) {
			t.Errorf("%s: %v", url, found)
		}
	}
}
