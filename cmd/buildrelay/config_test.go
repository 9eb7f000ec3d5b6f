package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// enough are settings that are enough to serve on loopback.
func enough() map[string]string {
	return map[string]string{
		"RELAY_LISTEN": "127.0.0.1:6001", "RELAY_TLS": "off", "RELAY_REDIS_URL": "redis://127.0.0.1:6379",
		"RELAY_APP_ID": "3", "RELAY_APP_KEY": "key", "RELAY_APP_SECRET": "secret-of-the-app",
	}
}

// secret32 is just long enough for a cluster.
const secret32 = "0123456789abcdef0123456789abcdef"

func clusterOf(url, secret string) map[string]string {
	return map[string]string{"RELAY_NODE_URL": url, "RELAY_CLUSTER_SECRET": secret}
}

func TestConfigNamesTheSettingThatIsWrong(t *testing.T) {
	tests := []struct {
		change map[string]string // "" removes the setting
		want   string            // in the error; "" for none
	}{
		{nil, ""},
		{map[string]string{"RELAY_REDIS_URL": ""}, "RELAY_REDIS_URL is not set"},
		{map[string]string{"RELAY_REDIS_URL": ""}, "buildrelay demo"},
		{map[string]string{"RELAY_APP_ID": ""}, "RELAY_APP_ID is not set"},
		{map[string]string{"RELAY_APP_KEY": ""}, "RELAY_APP_KEY is not set"},
		{map[string]string{"RELAY_APP_SECRET": ""}, "RELAY_APP_SECRET is not set"},
		{map[string]string{"RELAY_TLS": "on"}, "RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE"},
		{map[string]string{"RELAY_TLS": "maybe"}, `RELAY_TLS: "maybe" is neither on nor off`},
		{map[string]string{"RELAY_LISTEN": ":6001"}, "RELAY_ACKNOWLEDGE_INSECURE"},
		{map[string]string{"RELAY_LISTEN": "10.0.0.1:6001"}, "RELAY_ACKNOWLEDGE_INSECURE"},
		{map[string]string{"RELAY_LISTEN": ":6001", "RELAY_ACKNOWLEDGE_INSECURE": "true"}, ""},
		{map[string]string{"RELAY_LISTEN": "localhost:6001"}, ""},
		{map[string]string{"RELAY_LISTEN": "[::1]:6001"}, ""},
		{map[string]string{"RELAY_REDIS_PREFIX": "a:b"}, "RELAY_REDIS_PREFIX"},
		{map[string]string{"RELAY_REDIS_SLANGER": "yes"}, `"yes" is none of off, on and any`},
		{map[string]string{"RELAY_ACTIVITY_TIMEOUT": "500ms"}, "RELAY_ACTIVITY_TIMEOUT is 500ms"},
		{map[string]string{"RELAY_FLUSH_WINDOW": "0s"}, "RELAY_FLUSH_WINDOW is 0s"},
		{map[string]string{"RELAY_FEED_MEMORY": "lots"}, `"lots" is no amount of memory`},
		{map[string]string{"RELAY_APP_MAX_CONNECTIONS": "-1"}, "RELAY_APP_MAX_CONNECTIONS"},
		{map[string]string{"RELAY_APP_MAX_CONNECTIONS": "many"}, "RELAY_APP_MAX_CONNECTIONS: "},
		{map[string]string{"RELAY_APP_ORIGINS": "https://a.example.com, b"}, `RELAY_APP_ORIGINS: "b" must be *, or scheme://host`},
		{map[string]string{"RELAY_APP_LIMITS": "data=100KiB colour=1"}, `RELAY_APP_LIMITS: there is no limit "colour"; there are connections, `},
		{map[string]string{"RELAY_APP_LIMITS": "batch=0"}, "RELAY_APP_LIMITS: batch=0: it must be a whole number from 1"},
		{map[string]string{"RELAY_APP_LIMITS": "batch=1 batch=2"}, `RELAY_APP_LIMITS: "batch" is there twice`},
		{map[string]string{"RELAY_APP_WEBHOOKS": "[{url: 'ftp://a'}]"}, "RELAY_APP_WEBHOOKS: line 1: webhooks[0].url: it must begin with http"},
		{map[string]string{"RELAY_APP_WEBHOOKS": `[{"url": "https://a.example.com"}]`}, ""},
		{map[string]string{"RELAY_WEBHOOK_NETWORKS": "10.0.0.0/8, home"}, `RELAY_WEBHOOK_NETWORKS: "home" is no network`},
		{map[string]string{"RELAY_TRUSTED_PROXIES": "10.0.0.0/8, fe80::1%eth0"}, `RELAY_TRUSTED_PROXIES: "fe80::1%eth0" is no network`},
		{map[string]string{"RELAY_MAX_CONNECTIONS": "-1"}, "RELAY_MAX_CONNECTIONS is -1"},
		{map[string]string{"RELAY_MAX_CONNECTIONS_PER_ADDRESS": "-1"}, "RELAY_MAX_CONNECTIONS_PER_ADDRESS is -1"},
		{map[string]string{"RELAY_MAX_HANDSHAKES": "-1"}, "RELAY_MAX_HANDSHAKES is -1"},
		{map[string]string{"RELAY_MAX_HANDSHAKES_PER_ADDRESS": "-1"}, "RELAY_MAX_HANDSHAKES_PER_ADDRESS is -1"},
		{map[string]string{"RELAY_MAX_REFUSED_CALLS": "-1"}, "RELAY_MAX_REFUSED_CALLS is -1"},
		{map[string]string{"RELAY_APP_CACHE_TTL": "500us"}, "RELAY_APP_CACHE_TTL is 500µs: it must be at least 1s"},
		{map[string]string{"RELAY_DRAIN_DELAY": "-1s"}, "RELAY_DRAIN_DELAY is -1s"},
		{map[string]string{"RELAY_DRAIN_WINDOW": "-1s"}, "RELAY_DRAIN_WINDOW is -1s"},
		{map[string]string{"RELAY_ACCEPT_TRAFFIC_MEMORY": "-1"}, "RELAY_ACCEPT_TRAFFIC_MEMORY is -1"},
		{map[string]string{"RELAY_ACCEPT_TRAFFIC_MEMORY": "101"}, "RELAY_ACCEPT_TRAFFIC_MEMORY is 101"},
		{map[string]string{"RELAY_ACCEPT_TRAFFIC_MEMORY": "0"}, ""},
		{clusterOf("https://10.0.0.5:6001", secret32), ""},
		{clusterOf("http://node-5", secret32), ""},
		{clusterOf("https://10.0.0.5", ""), "RELAY_CLUSTER_SECRET is not set"},
		{clusterOf("https://10.0.0.5", secret32[1:]), "RELAY_CLUSTER_SECRET has 31 characters"},
		{clusterOf("", secret32), "RELAY_CLUSTER_SECRET is of no use without RELAY_NODE_URL"},
		{clusterOf("https://10.0.0.5/relay", secret32), "RELAY_NODE_URL: it must end with the host or the port"},
		{clusterOf("https://u@10.0.0.5", secret32), "RELAY_NODE_URL: it must have no user"},
		{clusterOf("10.0.0.5:6001", secret32), "RELAY_NODE_URL: it is no URL such as https://10.0.0.5:6001"},
		{map[string]string{"RELAY_NODE_CA_FILE": "ca.pem"}, "RELAY_NODE_CA_FILE is of no use without RELAY_NODE_URL"},
		{map[string]string{"RELAY_NODE_URL": "http://a", "RELAY_CLUSTER_SECRET": secret32, "RELAY_NODE_CA_FILE": "ca.pem"}, "RELAY_NODE_CA_FILE is of no use: RELAY_NODE_URL"},
		{map[string]string{"RELAY_NODE_HOSTNAME": "node-3.example.com"}, ""},
		{map[string]string{"RELAY_NODE_HOSTNAME": "10.0.0.5"}, ""},
		{map[string]string{"RELAY_NODE_HOSTNAME": "node-3:6001"}, `RELAY_NODE_HOSTNAME is "node-3:6001": it must be a host name alone`},
		{map[string]string{"RELAY_NODE_HOSTNAME": "https://node-3"}, "RELAY_NODE_HOSTNAME is"},
		{map[string]string{"RELAY_NODE_HOSTNAME": `a"b`}, "RELAY_NODE_HOSTNAME is"},
		{map[string]string{"RELAY_NODE_HOSTNAME": "a."}, "RELAY_NODE_HOSTNAME is"},
		{map[string]string{"RELAY_APP_SEAL": "off"}, ""},
		{map[string]string{"RELAY_APP_SEAL": "on"}, "RELAY_APP_SEAL"},
		{map[string]string{"RELAY_APP_SEAL": "accept-plain"}, `the logs of app "3" are to be sealed (accept-plain), but RELAY_KEYS_FILE is not set`},
		{map[string]string{"RELAY_APP_SEAL": "required", "RELAY_KEYS_FILE": "keys.json"}, ""},
		{map[string]string{"RELAY_APPS_FILE": "/nowhere/apps.yaml"}, "RELAY_APPS_FILE: open /nowhere/apps.yaml: no such file"},
		{map[string]string{"RELAY_APPS_FILE": "/nowhere/apps.yaml"}, "unset RELAY_APP_ID, RELAY_APP_KEY, RELAY_APP_SECRET"},
	}
	for _, test := range tests {
		c, err := loadConfig(environOf(enough(), test.change))
		if err == nil {
			err = c.check()
		}
		if got := fmt.Sprint(err); test.want == "" && err != nil || !strings.Contains(got, test.want) {
			t.Errorf("with %v: got %v, want %q", test.change, err, test.want)
		}
	}
}

func TestConfigTellsEverythingThatIsWrongAtOnce(t *testing.T) {
	c, err := loadConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = c.check()
	for _, name := range []string{"TLS_CERT_FILE", "REDIS_URL", "APP_ID", "APP_KEY", "APP_SECRET"} {
		if !strings.Contains(fmt.Sprint(err), prefix+name) {
			t.Errorf("%s%s is missing in: %v", prefix, name, err)
		}
	}
}

func TestSecretsDoNotShowInADumpOfTheConfig(t *testing.T) {
	c, err := loadConfig(environOf(enough(), map[string]string{
		"RELAY_REDIS_URL": "redis://u:hunter2@h:1", "RELAY_CLUSTER_SECRET": "hunter2 and more", "RELAY_APP_WEBHOOKS": "[{url: 'https://h/hunter2'}]",
	}))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "config", c)
	for _, dump := range []string{fmt.Sprintf("%v %+v %#v", c, c, c), log.String()} {
		if strings.Contains(dump, "hunter2") || strings.Contains(dump, "secret-of-the-app") {
			t.Errorf("a secret shows in %s", dump)
		}
	}
}

func TestSecretsCanComeFromFiles(t *testing.T) {
	url, secret := write(t, "redis://from-a-file\n"), write(t, "secret from a file\n")
	cluster := write(t, secret32+"\n")
	c, err := loadConfig([]string{"RELAY_REDIS_URL_FILE=" + url, "RELAY_APP_SECRET_FILE=" + secret, "RELAY_CLUSTER_SECRET_FILE=" + cluster})
	if err != nil {
		t.Fatal(err)
	}
	if string(c.RedisURL) != "redis://from-a-file" || string(c.AppSecret) != "secret from a file" || string(c.ClusterSecret) != secret32 {
		t.Errorf("got %q, %q and %q", string(c.RedisURL), string(c.AppSecret), string(c.ClusterSecret))
	}
	if _, err := loadConfig([]string{"RELAY_APP_SECRET_FILE=" + secret + ".missing"}); err == nil {
		t.Error("a file that is missing is no error")
	}
}

func TestMetricsAreTurnedOffByAnEmptyAddress(t *testing.T) {
	for value, want := range map[string]string{"RELAY_METRICS_LISTEN=": "", "RELAY_METRICS_LISTEN=:1": ":1", "X=": "127.0.0.1:9601"} {
		if c, err := loadConfig([]string{value}); err != nil || c.MetricsListen != want {
			t.Errorf("%s: %q, %v", value, c.MetricsListen, err)
		}
	}
}

func TestMisspeltSettingsAreFound(t *testing.T) {
	got := unknownSettings([]string{"RELAY_LISTEN=x", "RELAY_LISTNE=x", "PATH=x", "RELAY_API_URL=x"})
	if diff := cmp.Diff([]string{"RELAY_LISTNE"}, got); diff != "" {
		t.Errorf("(- wanted, + got):\n%s", diff)
	}
}

// environOf returns the settings as an environment, with changes; an empty value
// removes a setting.
func environOf(settings, change map[string]string) []string {
	for name, value := range change {
		settings[name] = value
	}
	var environ []string
	for name, value := range settings {
		if value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	return environ
}

// write returns the name of a file with this text.
func write(t *testing.T, text string) string {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
