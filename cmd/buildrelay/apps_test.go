package main

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
	"buildrelay/relay/metrics"
)

func TestTheSettingsDescribeOneApp(t *testing.T) {
	c, err := loadConfig(environOf(enough(), map[string]string{
		"RELAY_APP_ENABLED": "false", "RELAY_APP_MAX_CONNECTIONS": "5", "RELAY_APP_MAX_MEMBERS": "6", "RELAY_APP_MAX_CLIENT_EVENTS": "7",
		"RELAY_APP_CLIENT_EVENTS": "true", "RELAY_APP_SUBSCRIPTION_COUNTS": "true", "RELAY_APP_SUBSCRIPTION_ERRORS": "true",
		"RELAY_APP_WATCHLISTS": "true", "RELAY_APP_AUTHORIZATION_TIMEOUT": "8s", "RELAY_APP_CACHE_TTL": "9s",
		"RELAY_APP_ORIGINS": "https://a.example.com,https://*.b.example", "RELAY_APP_LIMITS": "members=60 data=100KiB",
		"RELAY_APP_WEBHOOKS": "[{url: 'https://a.example.com'}]", "RELAY_LOG_RULES": "a-*",
	}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.settingsApp()
	if err != nil {
		t.Fatal(err)
	}
	limits := protocol.DefaultLimits()
	limits.Members, limits.ClientEvents, limits.Data, limits.Body = 60, 7, 100<<10, 7*10*100<<10
	want := auth.App{
		ID: "3", Keys: []auth.Key{{Key: "key", Secret: "secret-of-the-app"}}, Disabled: true, MaxConnections: 5, Limits: limits,
		Logs: protocol.LogRules{protocol.NewLogRule("a-*")}, Origins: auth.Origins{"https://a.example.com", "https://*.b.example"},
		Webhooks: []auth.Webhook{{URL: "https://a.example.com"}}, ClientEvents: true, SubscriptionCounts: true, Watchlists: true,
		SubscriptionErrors: true, AuthorizationTimeout: 8 * time.Second, CacheTTL: 9 * time.Second, Seal: auth.SealOff,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

// twoApps are settings with an apps file, and changes.
func twoApps(t *testing.T, change map[string]string) Config {
	t.Helper()
	file := write(t, "apps: [{id: a, keys: [{key: ka, secret: sa}]}, {id: b, keys: [{key: kb, secret: sb}], logs: [{channels: l}]}]")
	settings := map[string]string{"RELAY_APPS_FILE": file, "RELAY_LISTEN": "127.0.0.1:1", "RELAY_TLS": "off", "RELAY_REDIS_URL": "redis://h"}
	c, err := loadConfig(environOf(settings, change))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestANodeServesTheAppsOfTheFile(t *testing.T) {
	c := twoApps(t, nil)
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	m := metrics.New(prometheus.NewRegistry())
	apps, watch, err := c.servedApps(appsfile.Watch{Metrics: m, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if watch == nil || apps.first != "a" || !apps.logs || apps.Len() != 2 || apps.LogRule("b", "l") == nil {
		t.Errorf("got %+v, watched by %v", apps, watch)
	}
	if testutil.ToFloat64(m.Apps) != 2 || testutil.ToFloat64(m.AppsGood) != 1 {
		t.Error("the apps are not counted")
	}
}

func TestWhoServesAFileHasNoSettingsForOneApp(t *testing.T) {
	for _, name := range []string{
		"APP_ID", "APP_KEY", "APP_SECRET", "APP_ENABLED=false", "APP_MAX_MEMBERS=7", "APP_ORIGINS=*", "APP_LIMITS=batch=1", "APP_WEBHOOKS=x", "LOG_RULES=l",
	} {
		name, value, _ := strings.Cut(name+"=x", "=")
		if value != "x" {
			value = strings.TrimSuffix(value, "=x")
		}
		c := twoApps(t, map[string]string{"RELAY_" + name: value})
		_, _, err := c.servedApps(appsfile.Watch{})
		for _, err := range []error{err, c.check()} {
			if err == nil || !strings.Contains(err.Error(), "RELAY_APPS_FILE says all about the apps: unset RELAY_"+name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	defaults := twoApps(t, map[string]string{"RELAY_APP_MAX_MEMBERS": "100", "RELAY_APP_ENABLED": "true"})
	if err := defaults.check(); err != nil {
		t.Errorf("with defaults: %v", err)
	}
}

func TestABackendHasOneAppOfTheFile(t *testing.T) {
	for _, test := range []struct {
		change map[string]string
		want   string // id, key and secret; or the error
	}{
		{nil, "a ka sa"},
		{map[string]string{"RELAY_APP_ID": "b"}, "b kb sb"},
		{map[string]string{"RELAY_APP_ID": "b", "RELAY_APP_KEY": "k", "RELAY_APP_SECRET": "s"}, "b k s"},
		{map[string]string{"RELAY_APP_ID": "c"}, `RELAY_APP_ID is "c": RELAY_APPS_FILE has no such app (unset it for the first)`},
	} {
		c := twoApps(t, test.change)
		all, app, err := c.backendApps()
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = app.ID + " " + app.Keys[0].Key + " " + string(app.Keys[0].Secret)
		}
		if got != test.want || err == nil && all.first != "a" {
			t.Errorf("with %v: %q, %+v, want %q", test.change, got, all, test.want)
		}
	}
}

func TestABackendThatSignsNothingNeedsNoKey(t *testing.T) {
	c := Config{AppID: "a", AppEnabled: true, LogRules: LogRules{protocol.NewLogRule("l")}}
	all, app, err := c.backendApps()
	if err != nil || app.ID != "a" || all.LogRule("a", "l") == nil {
		t.Fatalf("%+v, %v", app, err)
	}
	if _, err := c.signingApp(); err == nil || !strings.Contains(err.Error(), "RELAY_APP_KEY is not set") {
		t.Errorf("who signs: %v", err)
	}
	if _, open := all.ByKey(""); open {
		t.Error("the empty key is one of the app's")
	}
}

func TestNetworksAreRead(t *testing.T) {
	var got Networks
	if err := got.UnmarshalText([]byte("10.1.2.3/8, 192.0.2.7,fd12::/48 ,::1,")); err != nil {
		t.Fatal(err)
	}
	var want Networks
	for _, text := range []string{"10.0.0.0/8", "192.0.2.7/32", "fd12::/48", "::1/128"} {
		want = append(want, netip.MustParsePrefix(text))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, text := range []string{"10.0.0.0/33", "private", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1:80"} {
		if err := new(Networks).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
