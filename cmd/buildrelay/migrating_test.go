package main_test

import (
	"encoding/json"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"buildrelay/auth"
	"buildrelay/relay/relaytest"
)

// guide returns the configurations of docs/MIGRATING.md: its blocks of settings, by the
// word that their first line begins with.
func guide(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```dotenv\n# ([A-Za-z]+): [^\n]*\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		env := map[string]string{}
		for line := range strings.Lines(block[2]) {
			if name, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(name, "#") {
				env[name] = value
			}
		}
		all[block[1]] = env
	}
	return all
}

// here replaces what is another's in a configuration: ports, files, secrets, and where Redis is.
func here(t *testing.T, env map[string]string) (redis *relaytest.Redis, certs *relaytest.Certs) {
	t.Helper()
	for name, value := range map[string]string{
		"RELAY_LISTEN": "127.0.0.1:0", "SOKETI_PORT": "0", "RELAY_REDIS_URL": "", "RELAY_TLS_CERT_FILE": "", "RELAY_TLS_KEY_FILE": "",
		"RELAY_APP_SECRET": relaytest.Secret, "SOKETI_DEFAULT_APP_SECRET": relaytest.Secret,
	} {
		if _, there := env[name]; there {
			env[name] = value
		}
	}
	if _, there := env["SOKETI_PORT"]; there {
		env["SOKETI_METRICS_SERVER_PORT"], env["SOKETI_SHUTDOWN_GRACE_PERIOD"] = "0", "0"
	} else {
		env["RELAY_LISTEN"], env["RELAY_METRICS_LISTEN"], env["RELAY_DRAIN_DELAY"] = "127.0.0.1:0", "127.0.0.1:0", "0s"
	}
	if _, there := env["RELAY_TLS_CERT_FILE"]; there {
		certs = relaytest.NewCerts(t)
		maps.Copy(env, relaytest.ServeTLS(certs))
		delete(env, "RELAY_TLS") // it is on by itself
	}
	if _, there := env["RELAY_REDIS_URL"]; there {
		redis = relaytest.StartRedis(t)
		env["RELAY_REDIS_URL"] = redis.URL()
	}
	return redis, certs
}

func TestTheGuidesConfigurationsServe(t *testing.T) {
	t.Parallel()
	configurations := guide(t)
	for _, from := range []string{"soketi", "Slanger", "Reverb", "Pusher"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			env := configurations[from]
			if env == nil {
				t.Fatal("docs/MIGRATING.md has no configuration for it")
			}
			redis, certs := here(t, env)
			a := app{relay: relaytest.StartRelayWith(t, env, certs)}
			if from == "soketi" {
				a.id, a.key = env["SOKETI_DEFAULT_APP_ID"], auth.Key{Key: env["SOKETI_DEFAULT_APP_KEY"], Secret: auth.Secret(env["SOKETI_DEFAULT_APP_SECRET"])}
			} else {
				a.id, a.key = env["RELAY_APP_ID"], auth.Key{Key: env["RELAY_APP_KEY"], Secret: auth.Secret(env["RELAY_APP_SECRET"])}
			}
			a.live(t)
			if from == "Slanger" {
				a.hearSlanger(t, redis)
			}
			for _, line := range a.relay.Log() {
				if strings.Contains(line, "is it misspelt?") || strings.Contains(line, "not understood") {
					t.Errorf("the configuration has what is none: %s", line)
				}
			}
		})
	}
}

// hearSlanger hears what a backend publishes in Redis by Slanger's contract.
func (a app) hearSlanger(t *testing.T, redis *relaytest.Redis) {
	t.Helper()
	c := relaytest.DialWS(t, a.relay.SocketURL(a.key.Key), relaytest.WSOptions{TLS: a.relay.Certs.Client()})
	c.Established()
	c.Send(`{"event":"pusher:subscribe","data":{"channel":"builds","auth":""}}`)
	c.Expect("pusher_internal:subscription_succeeded")
	if err := redis.Client().Publish(t.Context(), "builds", `{"event":"e","data":"x","channel":"builds"}`).Err(); err != nil {
		t.Fatal(err)
	}
	if got := c.Expect("e"); got.Channel != "builds" {
		t.Errorf("got %s", got.Text)
	}
}

// The guide's clients use the fallback of the relay that they are shown, in Node; in
// Chromium, and by laravel-echo, TestBrowser has them.
func TestTheGuidesClientsFallBackToTheRelay(t *testing.T) {
	t.Parallel()
	w := newTLSWorld(t, nil)
	for _, version := range relaytest.PusherJSVersions() {
		for _, transport := range []string{"xhr_streaming", "xhr_polling"} {
			w.run(t, version+" by "+transport, func(t *testing.T, w world) {
				options := clientOptions(t, w.Relay, transport)
				if version < "4.3" {
					delete(options, "forceTLS")
					options["encrypted"] = true
				}
				page := relaytest.StartPusherJS(t, version, w.Relay, relaytest.PusherJSOptions{Build: buildOf(version), Constructor: options})
				page.ExpectState("connected")
				channel := "private-" + version + transport
				page.Subscribe(channel)
				page.ExpectSubscribed(channel)
				w.publish("hello", `"é"`, channel)
				if got := page.ExpectEvent(channel, "hello"); string(got.Data) != `"é"` {
					t.Errorf("the page got %s", got.Data)
				}
			})
		}
	}
}

// clientOptions are those of pusher-js in the guide, in place of ones by which nobody is
// reached, with a relay for the guide's, and with one of its transports alone.
func clientOptions(t *testing.T, relay *relaytest.Relay, transport string) map[string]any {
	t.Helper()
	host, port, err := net.SplitHostPort(relay.Address)
	if err != nil {
		t.Fatalf("the relay's address: %v", err)
	}
	text := strings.NewReplacer("HOST + ':' + PORT", strconv.Quote(relay.Address), "HOST", strconv.Quote(host), "PORT", port, "'", `"`).
		Replace(documentedOptions(t))
	text = regexp.MustCompile(`//.*`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`(\w+): `).ReplaceAllString(text, `"$1": `)
	text = regexp.MustCompile(`,\s*}`).ReplaceAllString(text, "}")
	options := map[string]any{
		"wsHost": "nobody.invalid", "httpHost": "nobody.invalid", "statsHost": "nobody.invalid",
		"wsPort": 1, "wssPort": 1, "httpPort": 1, "httpsPort": 1, "disableStats": false, "enabledTransports": nil,
	}
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		t.Fatalf("the options in docs/MIGRATING.md are none: %v in %s", err, text)
	}
	if enabled, _ := options["enabledTransports"].([]any); !slices.Contains(enabled, any(transport)) {
		t.Fatalf("docs/MIGRATING.md does not enable %s: %s", transport, text)
	}
	options["enabledTransports"] = []string{transport}
	return options
}
