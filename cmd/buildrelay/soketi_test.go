package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// soketiWith are settings of a soketi that has one app of its own, with changes; an empty
// value removes one.
func soketiWith(change map[string]string) map[string]string {
	environ := map[string]string{
		"SOKETI_DEFAULT_APP_ID": "1", "SOKETI_DEFAULT_APP_KEY": "circle", "SOKETI_DEFAULT_APP_SECRET": "its own", "PATH": "/bin",
	}
	maps.Copy(environ, change)
	return environ
}

func translated(t *testing.T, change map[string]string) translation {
	t.Helper()
	got, err := translateSoketi(soketiWith(change))
	if err != nil {
		t.Fatalf("with %v: %v", change, err)
	}
	return got
}

func TestSoketisDefaultsHoldWhereItsSettingsAre(t *testing.T) {
	got := translated(t, nil)
	want := map[string]string{
		"RELAY_LISTEN": "0.0.0.0:6001", "RELAY_TLS": "off", "RELAY_METRICS_LISTEN": "127.0.0.1:9601",
		"RELAY_DRAIN_DELAY": "3000ms", "RELAY_ACCEPT_TRAFFIC_MEMORY": "85",
		"RELAY_APP_ID": "1", "RELAY_APP_KEY": "circle", "RELAY_APP_SECRET": "its own", "RELAY_APP_ENABLED": "true",
		"RELAY_APP_CLIENT_EVENTS": "false", "RELAY_APP_MAX_CLIENT_EVENTS": "0", "RELAY_APP_MAX_CONNECTIONS": "0",
		"RELAY_APP_MAX_MEMBERS": "100", "RELAY_APP_CACHE_TTL": "3600s", "RELAY_APP_SUBSCRIPTION_ERRORS": "true",
		"RELAY_APP_LIMITS": "channel_name=200 event_name=200 data=102400 channels=100 batch=10 member_size=2048 publishes=0 reads=0",
	}
	if diff := cmp.Diff(want, got.values); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
	if !got.builtInRedis || len(got.notes) > 0 {
		t.Errorf("built-in Redis: %v, notes: %v", got.builtInRedis, got.notes)
	}
}

func TestWithoutSoketisSettingsNothingIsTranslated(t *testing.T) {
	got, err := translateSoketi(map[string]string{"RELAY_LISTEN": ":1", "SOKETI_DEBUG": "", "NOT_SOKETI_DEBUG": "1"})
	if err != nil || len(got.values) > 0 || got.builtInRedis {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Kubernetes gives these to every pod beside a service called soketi.
func TestKubernetesVariablesForAServiceAreNoSettings(t *testing.T) {
	links := map[string]string{
		"SOKETI_SERVICE_HOST": "10.0.0.7", "SOKETI_SERVICE_PORT": "6001", "SOKETI_SERVICE_PORT_SOKETI": "6001",
		"SOKETI_PORT": "tcp://10.0.0.7:6001", "SOKETI_PORT_6001_TCP": "tcp://10.0.0.7:6001", "SOKETI_PORT_6001_TCP_PORT": "6001",
		"SOKETI_PORT_6001_TCP_PROTO": "tcp", "SOKETI_PORT_6001_TCP_ADDR": "10.0.0.7", "SOKETI_METRICS_SERVICE_HOST": "10.0.0.8",
		"SOKETI_METRICS_PORT": "tcp://10.0.0.8:9601", "SOKETI_CLUSTER_PORT": "udp://10.0.0.9:11002",
	}
	if got, err := translateSoketi(links); err != nil || len(got.values)+len(got.notes) > 0 {
		t.Errorf("alone: %+v, %v", got, err)
	}
	got := translated(t, links)
	if got.values["RELAY_LISTEN"] != "0.0.0.0:6001" || len(got.notes) > 0 {
		t.Errorf("beside settings: %+v", got)
	}
}

func TestSoketisSettingsAreTranslated(t *testing.T) {
	for _, test := range []struct {
		change     map[string]string
		name, want string // the setting of ours, without the prefix; "" is unset
	}{
		{map[string]string{"SOKETI_HOST": "127.0.0.1", "SOKETI_PORT": `"7001"`}, "LISTEN", "127.0.0.1:7001"},
		{map[string]string{"SOKETI_HOST": "::"}, "LISTEN", "[::]:6001"},
		{map[string]string{"SOKETI_HOST": "::", "RELAY_LISTEN": ":1"}, "LISTEN", ""},
		{map[string]string{"SOKETI_SSL_CERT": "/c", "SOKETI_SSL_KEY": "/k"}, "TLS_CERT_FILE", "/c"},
		{map[string]string{"SOKETI_SSL_CERT": "/c", "SOKETI_SSL_KEY": "/k"}, "TLS_KEY_FILE", "/k"},
		{map[string]string{"SOKETI_SSL_CERT": "/c", "SOKETI_SSL_KEY": "/k"}, "TLS", ""},
		{map[string]string{"RELAY_TLS_CERT_FILE": "/c", "RELAY_TLS_KEY_FILE": "/k"}, "TLS", ""},
		{map[string]string{"SOKETI_METRICS_ENABLED": "true"}, "METRICS_LISTEN", "0.0.0.0:9601"},
		{map[string]string{"SOKETI_METRICS_ENABLED": "1", "SOKETI_METRICS_SERVER_PORT": "9", "SOKETI_METRICS_HOST": "10.0.0.1"}, "METRICS_LISTEN", "10.0.0.1:9"},
		{map[string]string{"SOKETI_METRICS_SERVER_PORT": "9"}, "METRICS_LISTEN", "127.0.0.1:9"},
		{map[string]string{"SOKETI_METRICS_ENABLED": "true", "RELAY_METRICS_LISTEN": ""}, "METRICS_LISTEN", ""},
		{map[string]string{"SOKETI_DEBUG": "1"}, "LOG_LEVEL", "debug"},
		{map[string]string{"SOKETI_DEBUG": "false"}, "LOG_LEVEL", ""},
		{map[string]string{"SOKETI_SHUTDOWN_GRACE_PERIOD": "500"}, "DRAIN_DELAY", "500ms"},
		{map[string]string{"SOKETI_HTTP_ACCEPT_TRAFFIC_MEMORY_THRESHOLD": "70"}, "ACCEPT_TRAFFIC_MEMORY", "70"},
		{map[string]string{"SOKETI_DEFAULT_APP_KEY": `"quoted"`}, "APP_KEY", "quoted"},
		{map[string]string{"SOKETI_DEFAULT_APP_KEY": "1e5"}, "APP_KEY", "1e5"},
		{map[string]string{"SOKETI_DEFAULT_APP_ID": ""}, "APP_ID", "app-id"},
		{map[string]string{"SOKETI_DEFAULT_APP_KEY": ""}, "APP_KEY", "app-key"},
		{map[string]string{"SOKETI_DEFAULT_APP_SECRET": "", "RELAY_APP_SECRET_FILE": "/s"}, "APP_SECRET", ""},
		{map[string]string{"SOKETI_DEFAULT_APP_SECRET": "", "SOKETI_HOST": "127.0.0.1"}, "APP_SECRET", "app-secret"},
		{map[string]string{"SOKETI_DEFAULT_APP_SECRET": "", "RELAY_LISTEN": "[::1]:1"}, "APP_SECRET", "app-secret"},
		{map[string]string{"SOKETI_DEFAULT_APP_ENABLED": "false"}, "APP_ENABLED", "false"},
		{map[string]string{"SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES": "true"}, "APP_CLIENT_EVENTS", "true"},
		{map[string]string{"SOKETI_DEFAULT_APP_MAX_CONNS": "200"}, "APP_MAX_CONNECTIONS", "200"},
		{map[string]string{"SOKETI_DEFAULT_APP_MAX_CLIENT_EVENTS_PER_SEC": "7"}, "APP_MAX_CLIENT_EVENTS", "7"},
		{map[string]string{"SOKETI_PRESENCE_MAX_MEMBERS": "9"}, "APP_MAX_MEMBERS", "9"},
		{map[string]string{"SOKETI_USER_AUTHENTICATION_TIMEOUT": "5000"}, "APP_AUTHORIZATION_TIMEOUT", ""},
		{map[string]string{"SOKETI_USER_AUTHENTICATION_TIMEOUT": "5000", "SOKETI_DEFAULT_APP_USER_AUTHENTICATION": "true"}, "APP_AUTHORIZATION_TIMEOUT", "5000ms"},
		{map[string]string{"SOKETI_DEFAULT_APP_USER_AUTHENTICATION": "true"}, "APP_AUTHORIZATION_TIMEOUT", "30000ms"},
		{map[string]string{"SOKETI_CHANNEL_CACHE_TTL": "60"}, "APP_CACHE_TTL", "60s"},
		{map[string]string{"SOKETI_CHANNEL_CACHE_TTL": "-1"}, "APP_CACHE_TTL", "31536000s"},
		{map[string]string{"SOKETI_ADAPTER_REDIS_PREFIX": "ci"}, "REDIS_PREFIX", "ci"},
		{map[string]string{"SOKETI_DB_REDIS_KEY_PREFIX": "a:b:", "SOKETI_ADAPTER_REDIS_PREFIX": "ci"}, "REDIS_PREFIX", "a-b-ci"},
		{map[string]string{"SOKETI_APP_MANAGER_DRIVER": "mysql", "RELAY_APPS_FILE": "/a"}, "APP_ID", ""},
		{map[string]string{"RELAY_APPS_FILE": "/a"}, "APP_LIMITS", ""},
	} {
		got := translated(t, test.change)
		if value := got.values["RELAY_"+test.name]; value != test.want {
			t.Errorf("with %v: %s is %q, want %q", test.change, test.name, value, test.want)
		}
	}
}

func TestSoketisLimitsAreTranslatedBesideOnesOfOurOwn(t *testing.T) {
	got := translated(t, map[string]string{
		"SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH": "50", "SOKETI_EVENT_MAX_NAME_LENGTH": "60", "SOKETI_EVENT_MAX_SIZE_IN_KB": "0.5",
		"SOKETI_EVENT_MAX_CHANNELS_AT_ONCE": "7", "SOKETI_EVENT_MAX_BATCH_SIZE": "8", "SOKETI_PRESENCE_MAX_MEMBER_SIZE": "3",
		"SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC": "90", "SOKETI_DEFAULT_APP_MAX_READ_REQ_PER_SEC": "-1",
		"RELAY_APP_LIMITS": "channels=5 watchlist=3",
	})
	const want = "channel_name=50 event_name=60 data=512 batch=8 member_size=3072 publishes=90 reads=0 channels=5 watchlist=3"
	if got := got.values["RELAY_APP_LIMITS"]; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSoketisWebhooksAreTranslated(t *testing.T) {
	got := translated(t, map[string]string{
		"SOKETI_WEBHOOKS_BATCHING": "true", "SOKETI_WEBHOOKS_BATCHING_DURATION": "20",
		"SOKETI_DEFAULT_APP_WEBHOOKS": `[
			{"url":"http://ci/hooks","event_types":["channel_occupied"],"headers":{"X-Token":"t"},
			 "filter":{"channel_name_starts_with":"private-","channel_name_ends_with":"@all"}},
			{"url":"http://ci/hooks","event_types":[]},
			{"lambda_function":"tell","lambda":{"region":"eu-west-1"},"event_types":["member_added"]}]`,
	})
	const want = `[{"url":"http://ci/hooks","events":["channel_occupied"],"channel_prefix":"private-","channel_suffix":"@all",` +
		`"headers":{"X-Token":"t"},"batch":"20ms"}]`
	if diff := cmp.Diff(want, got.values["RELAY_APP_WEBHOOKS"]); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
	if networks := got.values["RELAY_WEBHOOK_NETWORKS"]; networks != "private,loopback" {
		t.Errorf("webhooks may go to %q", networks)
	}
	if len(got.notes) != 1 || !strings.Contains(got.notes[0].instead, "webhook 3 calls a Lambda function") {
		t.Errorf("notes: %v", got.notes)
	}
}

func TestWebhooksOfOurOwnGoNowhereByASettingOfSoketis(t *testing.T) {
	got := translated(t, map[string]string{
		"SOKETI_DEFAULT_APP_WEBHOOKS": `[{"url":"http://ci/hooks"}]`, "RELAY_APP_WEBHOOKS": `[{"url":"https://ci.example.com"}]`,
	})
	for _, name := range []string{"RELAY_APP_WEBHOOKS", "RELAY_WEBHOOK_NETWORKS"} {
		if value, set := got.values[name]; set {
			t.Errorf("%s is %s", name, value)
		}
	}
}

func TestSoketisRedisIsFound(t *testing.T) {
	const builtIn = "built in"
	for _, test := range []struct {
		change map[string]string
		want   string // the URL; "" is our own
	}{
		{nil, builtIn},
		{map[string]string{"SOKETI_DB_REDIS_PORT": "1"}, builtIn}, // no driver uses it
		{map[string]string{"RELAY_REDIS_URL": "redis://own"}, ""},
		{map[string]string{"RELAY_REDIS_URL_FILE": "/f", "SOKETI_ADAPTER_DRIVER": "redis"}, ""},
		{map[string]string{"RELAY_REDIS_URL": "redis://own", "SOKETI_ADAPTER_DRIVER": "nats"}, ""},
		{map[string]string{"SOKETI_ADAPTER_DRIVER": "redis"}, "redis://127.0.0.1:6379/0"},
		{map[string]string{"SOKETI_CACHE_DRIVER": "redis"}, "redis://127.0.0.1:6379/0"},
		{map[string]string{"SOKETI_QUEUE_DRIVER": "redis"}, "redis://127.0.0.1:6379/0"},
		{map[string]string{"SOKETI_RATE_LIMITER_DRIVER": "redis"}, "redis://127.0.0.1:6379/0"},
		{map[string]string{"SOKETI_DB_REDIS_HOST": "r", "SOKETI_DB_REDIS_PORT": "7", "SOKETI_DB_REDIS_DB": "3"}, "redis://r:7/3"},
		{map[string]string{"SOKETI_DB_REDIS_HOST": "r", "SOKETI_DB_REDIS_PASSWORD": "a/b@c:d"}, "redis://:a%2Fb%40c%3Ad@r:6379/0"},
		{map[string]string{"SOKETI_DB_REDIS_HOST": "::1", "SOKETI_DB_REDIS_USERNAME": "u", "SOKETI_DB_REDIS_PASSWORD": "1"}, "redis://u:1@[::1]:6379/0"},
		{map[string]string{"SOKETI_DB_REDIS_HOST": "r", "SOKETI_ADAPTER_REDIS_PUB_OPTIONS": `{"tls":{}}`}, "rediss://r:6379/0"},
		{map[string]string{"SOKETI_DB_REDIS_HOST": "r", "SOKETI_ADAPTER_REDIS_CLUSTER_MODE": "false", "SOKETI_DB_REDIS_CLUSTER_NODES": "[]"}, "redis://r:6379/0"},
		{map[string]string{
			"SOKETI_DB_REDIS_SENTINELS": `[{"host":"s","port":7},{"host":"::2"}]`, "SOKETI_DB_REDIS_SENTINEL_PASSWORD": "a&b",
			"SOKETI_DB_REDIS_INSTANCE_NAME": "ci", "SOKETI_DB_REDIS_DB": "2", "SOKETI_DB_REDIS_PASSWORD": "p",
		}, "redis+sentinel://:p@s:7,[::2]:26379/ci/2?sentinel_password=a%26b"},
		{map[string]string{"SOKETI_DB_REDIS_SENTINELS": `[{"host":"s"}]`}, "redis+sentinel://s:26379/mymaster/0"},
		{map[string]string{
			"SOKETI_CACHE_REDIS_CLUSTER_MODE": "1", "SOKETI_DB_REDIS_CLUSTER_NODES": `[{"host":"a","port":"7000"},{"host":"b"}]`,
			"SOKETI_ADAPTER_REDIS_SUB_OPTIONS": `{"tls":{}}`,
		}, "rediss+cluster://a:7000,b:6379"},
	} {
		got := translated(t, test.change)
		url := got.values["RELAY_REDIS_URL"]
		if got.builtInRedis {
			url = builtIn
		}
		if url != test.want {
			t.Errorf("with %v: %q, want %q", test.change, url, test.want)
		}
	}
}

func TestSoketisSettingsThatCannotHoldAreNamed(t *testing.T) {
	for _, test := range []struct {
		name, value string // without the prefix
		want        string // in the error, beside the name
	}{
		{"DEFAULT_APP_SECRET", "", "soketi's default"},
		{"DEFAULT_APP_SECRET", "app-secret", "0.0.0.0:6001"},
		{"PORT", "many", "whole number"},
		{"PORT", "65536", "whole number"},
		{"DEBUG", "yes", "neither true nor false"},
		{"MODE", "half", "none of full, server, worker"},
		{"MODE", "worker", "not needed"},
		{"SSL_CERT", "/c", "both"},
		{"SSL_PASS", "hunter2", "openssl pkey"},
		{"PATH_PREFIX", "/ws", "proxy"},
		{"APP_MANAGER_DRIVER", "mysql", "RELAY_APPS_FILE"},
		{"APP_MANAGER_DRIVER", "dynamodb", "RELAY_APPS_FILE"},
		{"ADAPTER_DRIVER", "cluster", "RELAY_REDIS_URL"},
		{"ADAPTER_DRIVER", "nats", "RELAY_REDIS_URL"},
		{"DB_REDIS_SENTINELS", `s:26379`, "must be servers such as"},
		{"DB_REDIS_SENTINELS", `[{"port":26379}]`, "must be servers such as"},
		{"DB_REDIS_CLUSTER_NODES", `[{"host":"s","port":"x"}]`, "must be servers such as"},
		{"ADAPTER_REDIS_CLUSTER_MODE", "true", "DB_REDIS_CLUSTER_NODES"},
		{"DEFAULT_APP_MAX_CONNS", "1.5", "whole number"},
		{"DEFAULT_APP_MAX_CONNS", "0", "-1 is no limit"},
		{"DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC", "0", "-1 is no limit"},
		{"EVENT_MAX_SIZE_IN_KB", "-1", "kilobytes"},
		{"EVENT_MAX_SIZE_IN_KB", "NaN", "kilobytes"},
		{"EVENT_MAX_SIZE_IN_KB", "129", "at most 128"},
		{"CHANNEL_LIMITS_MAX_NAME_LENGTH", "201", "from 1 to 200"},
		{"PRESENCE_MAX_MEMBERS", "0", "whole number"},
		{"DEFAULT_APP_WEBHOOKS", "http://ci", "JSON list"},
		{"DEFAULT_APP_WEBHOOKS", `[{"url":"ftp://user:hunter2@ci"}]`, "webhook 1"},
		{"DEFAULT_APP_WEBHOOKS", `[{"url":"http://ci","event_types":["all"]}]`, `"all"`},
	} {
		_, err := translateSoketi(soketiWith(map[string]string{"SOKETI_" + test.name: test.value}))
		got := fmt.Sprint(err)
		if err == nil || !strings.Contains(got, "SOKETI_"+test.name) || !strings.Contains(got, test.want) {
			t.Errorf("%s=%s: %v, want %q", test.name, test.value, err, test.want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("%s: a secret shows in %v", test.name, err)
		}
	}
}

func TestAnErrorTellsWhatOurSettingsAreMadeOf(t *testing.T) {
	c, soketi, err := loadWithSoketi(environOf(soketiWith(nil), nil))
	if err != nil {
		t.Fatal(err)
	}
	c.RedisURL = "redis://127.0.0.1"
	got := fmt.Sprint(soketi.explain(c.check()))
	for _, want := range []string{"set RELAY_ACKNOWLEDGE_INSECURE=true", "RELAY_TLS is made of SOKETI_SSL_CERT, SOKETI_SSL_KEY"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in: %s", want, got)
		}
	}
}

func TestEverySettingOfSoketiIsUnderstoodOrNamed(t *testing.T) {
	for _, name := range soketiNames() {
		if insteadOf(name) == insteadOf("MISSPELT") {
			t.Errorf("%s is unknown", name)
		}
	}
	for _, name := range soketiUnderstood() {
		if !slices.Contains(soketiNames(), name) {
			t.Errorf("soketi has no %s", name)
		}
	}
	got := translated(t, map[string]string{
		"SOKETI_DB_MYSQL_HOST": "db", "SOKETI_METRICS_PROMETHEUS_PREFIX": "x_", "SOKETI_RATE_LIMITER_DRIVER": "cluster",
		"SOKETI_MODE": "server", "SOKETI_DEFAULT_APP_MAX_CONNECTIONS": "5", "SOKETI_QUEUE_DRIVER": "sqs",
	})
	var log bytes.Buffer
	got.tell(slog.New(slog.NewTextHandler(&log, nil)))
	for _, name := range []string{"DB_MYSQL_HOST", "METRICS_PROMETHEUS_PREFIX", "RATE_LIMITER_DRIVER", "MODE", "DEFAULT_APP_MAX_CONNECTIONS", "QUEUE_DRIVER"} {
		if n := strings.Count(log.String(), "name=SOKETI_"+name+" "); n != 1 {
			t.Errorf("%s is named %d times in\n%s", name, n, &log)
		}
	}
	if strings.Contains(log.String(), "its own") {
		t.Errorf("the secret shows in\n%s", &log)
	}
}
