package appsfile_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

// readSecret knows one file.
func readSecret(path string) ([]byte, error) {
	if path == "/run/secrets/ci" {
		return []byte("out of a file\n"), nil
	}
	return nil, errors.New("open " + path + ": no such file or directory")
}

// fromFiles takes secrets as they are, and those in files from readSecret.
func fromFiles() appsfile.Secrets { return appsfile.Secrets{ReadFile: readSecret} }

func TestAFileWithEverythingIsRead(t *testing.T) {
	got, err := appsfile.Parse([]byte(`
# All apps.
apps:
  - id: ci
    enabled: false
    keys:
      - {key: circle, secret: "s1"}
      - key: 4711
        secret_file: /run/secrets/ci
    origins: ["https://ci.example.com", "https://*.example.com", "http://localhost:8080"]
    client_events: true
    subscription_counts: true
    watchlists: true
    subscription_errors: true
    authorization_timeout: 30s
    cache_ttl: 1h
    limits: {connections: 7, channel_name: 100, event_name: 50, data: 100KiB, channels: 10, batch: 20, members: 0, member_size: 2KiB,
      watchlist: 5, channels_per_connection: 9, client_events: 0, subscribes: 1, messages: 2, publishes: 3, reads: 4,
      body: 2MiB, clock_skew: 60s}
    logs:
      - {channels: private-build-*, replay: all, events: 5, bytes: 1MiB, keep: 90m}
      - channels: b
        replay: 7
    seal: accept-plain
    webhooks:
      - url: https://ci.example.com/hooks?token=x
        events: [channel_occupied, channel_vacated]
        channel_prefix: presence-
        channel_suffix: -x
        headers: {x-token: "a: b", Authorization: Bearer y}
        batch: 50ms
      - url: http://10.0.0.7:8080
`), fromFiles())
	if err != nil {
		t.Fatal(err)
	}
	want := []auth.App{{
		ID: "ci", Disabled: true, MaxConnections: 7,
		Keys:         []auth.Key{{Key: "circle", Secret: "s1"}, {Key: "4711", Secret: "out of a file"}},
		Origins:      auth.Origins{"https://ci.example.com", "https://*.example.com", "http://localhost:8080"},
		ClientEvents: true, SubscriptionCounts: true, Watchlists: true, SubscriptionErrors: true,
		AuthorizationTimeout: 30 * time.Second, CacheTTL: time.Hour, Seal: auth.SealAcceptPlain,
		Limits: protocol.Limits{
			ChannelName: 100, EventName: 50, Data: 100 << 10, Channels: 10, Batch: 20, Members: 0, MemberSize: 2 << 10,
			Watchlist: 5, ChannelsPerConnection: 9, ClientEvents: 0, Subscribes: 1, Messages: 2, Publishes: 3, Reads: 4,
			Body: 2 << 20, ClockSkew: time.Minute,
		},
		Logs: protocol.LogRules{
			{Pattern: "private-build-*", Events: 5, Bytes: 1 << 20, Keep: 90 * time.Minute, Replay: protocol.Start{Kind: protocol.StartFirst}},
			{Pattern: "b", Events: 20_000, Bytes: 8 << 20, Keep: 24 * time.Hour, Replay: protocol.Start{Kind: protocol.StartCount, N: 7}},
		},
		Webhooks: []auth.Webhook{
			{
				URL: "https://ci.example.com/hooks?token=x", Events: []string{"channel_occupied", "channel_vacated"},
				Prefix: "presence-", Suffix: "-x", Batch: 50 * time.Millisecond,
				Headers: map[string]auth.Secret{"X-Token": "a: b", "Authorization": "Bearer y"},
			},
			{URL: "http://10.0.0.7:8080"},
		},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

func TestWhatAFileDoesNotSayIsAsPusherHasIt(t *testing.T) {
	got, err := appsfile.Parse([]byte(`{"apps": [{"id": 3, "keys": [{"key": "k", "secret": "s"}]}, {id: b, keys: [{key: b, secret: s}], limits: {data: 128KiB}}]}`), appsfile.Secrets{})
	if err != nil {
		t.Fatal(err)
	}
	raised := protocol.DefaultLimits()
	raised.Data, raised.Body = 128<<10, 7*10*128<<10
	want := []auth.App{
		{ID: "3", Keys: []auth.Key{{Key: "k", Secret: "s"}}, Limits: protocol.DefaultLimits(), CacheTTL: protocol.DefaultCacheTTL},
		{ID: "b", Keys: []auth.Key{{Key: "b", Secret: "s"}}, Limits: raised, CacheTTL: protocol.DefaultCacheTTL},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

// Whoever starts with the example has what it says that holds without it.
func TestTheExampleIsReadAndSaysTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../../docs/apps.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := appsfile.Parse(text, fromFiles())
	if err != nil {
		t.Fatal(err)
	}
	rule := protocol.NewLogRule("private-build-*")
	rule.Replay = protocol.Start{Kind: protocol.StartFirst}
	want := []auth.App{{
		ID: "ci", Keys: []auth.Key{{Key: "circle", Secret: "change-me"}, {
			Key: "circle-forks", Secret: "change-me-as-well", Rights: []auth.Right{auth.RightPublish},
			Channels: protocol.Patterns{"private-fork-*", "presence-fork-*"},
		}},
		Limits: protocol.DefaultLimits(), CacheTTL: protocol.DefaultCacheTTL, Seal: auth.SealOff,
		Origins: auth.Origins{"https://ci.example.com", "https://*.example.com"},
		Logs:    protocol.LogRules{rule},
		Masks:   protocol.MaskRules{protocol.NewMaskRule("private-build-*")},
		Webhooks: []auth.Webhook{{
			URL: "https://ci.example.com/hooks", Events: []string{"channel_occupied", "channel_vacated"},
			Prefix: "presence-", Headers: map[string]auth.Secret{"X-Token": "change-me"}, Batch: 50 * time.Millisecond,
		}},
	}, {
		ID: "other", Keys: []auth.Key{{Key: "other-key", Secret: "change-me-too"}},
		Limits: protocol.DefaultLimits(), CacheTTL: protocol.DefaultCacheTTL,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

// inApp is a file with one app, which has these lines besides; the first is line 4.
func inApp(lines ...string) string {
	return "apps:\n  - id: ci\n    keys: [{key: k, secret: hunter2}]\n    " + strings.Join(lines, "\n    ") + "\n"
}

const (
	fieldsOfApp = "id, enabled, keys, origins, client_events, subscription_counts, watchlists, subscription_errors, " +
		"authorization_timeout, cache_ttl, limits, logs, masks, seal, webhooks"
	wrongOrigin = "must be *, or scheme://host with a port where it is not the scheme's own"
	wrongHost   = "must have a host of letters, digits, - and dots (names of other alphabets in Punycode), where * may stand for its first label; nothing follows the host but a port"
	wrongHeader = "a name must be that of a header, of letters, digits and !#$%&'*+-.^_`|~"
)

func TestWhatIsWrongIsToldWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "it is empty",
		"# nothing\n":                        "it is empty",
		"---\n":                              "line 2: it must be a mapping with the fields apps",
		"apps":                               "line 1: it must be a mapping with the fields apps",
		"{}":                                 "line 1: apps: it is missing; it must be a list of apps",
		"apps:":                              "line 1: apps: it must be a list of at least one",
		"apps: []":                           "line 1: apps: it must be a list of at least one",
		"apps: {}":                           "line 1: apps: it must be a list of at least one",
		"apps: [x]":                          "line 1: it must be a mapping with the fields " + fieldsOfApp,
		"\napps: [{}]":                       "line 2: id: it is missing\nline 2: keys: it is missing",
		"apps: [":                            "line 1: did not find expected node content",
		"a: b: c":                            "mapping values are not allowed in this context",
		inApp() + "---\nx":                   "line 6: a second document begins; there must be one",
		inApp() + "...\n%x":                  "line 6: found unknown directive name",
		inApp("limits: &x {}"):               "line 4: anchors are not allowed; put a value that begins with & into quotes",
		inApp("cache_ttl: *x"):               "line 4: aliases are not allowed; put a value that begins with * into quotes",
		inApp("cache_ttl: !!x y"):            "line 4: tags are not allowed; put a value that begins with ! into quotes",
		inApp("<<: {}"):                      "line 4: there is no field of that name; it may have " + fieldsOfApp,
		inApp("colour: red"):                 "line 4: there is no field colour; it may have " + fieldsOfApp,
		inApp("? [a]", ": b"):                "line 4: there is no field of that name; it may have " + fieldsOfApp,
		inApp("hunter2: x"):                  "line 4: there is no field of that name; it may have " + fieldsOfApp,
		inApp("id: b"):                       "line 4: id: it is there twice, first in line 2",
		inApp("enabled: yes"):                "line 4: enabled: it must be true or false",
		inApp("enabled: []"):                 "line 4: enabled: it must be a single value",
		inApp("enabled:"):                    "line 4: enabled: it has no value",
		inApp("seal: yes"):                   "line 4: seal: it must be off, accept-plain or required",
		inApp("cache_ttl: 5"):                "line 4: cache_ttl: it must be a time such as 500ms, 90s or 24h, from 1s to 87600h0m0s",
		inApp("authorization_timeout: 10ms"): "line 4: authorization_timeout: it must be 0s (off), or a time such as 30s, from 1s to 24h",

		inApp("limits: 5"):                          "line 4: limits: it must be a mapping with the fields connections, channel_name, event_name, data, channels, batch, members, member_size, watchlist, channels_per_connection, client_events, subscribes, messages, publishes, reads, body, clock_skew",
		inApp("limits: {data: 10kb}"):               "line 4: limits.data: it must be an amount such as 4096 or 10KiB, from 1 to 128KiB",
		inApp("limits:", "  data: 1MiB"):            "line 5: limits.data: it must be an amount such as 4096 or 10KiB, from 1 to 128KiB",
		inApp("limits: {members: -1}"):              "line 4: limits.members: it must be a whole number from 0 to 10000000",
		inApp("limits: {members: 010}"):             "line 4: limits.members: it must be a whole number from 0 to 10000000",
		inApp("limits: {batch: 0}"):                 "line 4: limits.batch: it must be a whole number from 1 to 1000",
		inApp("limits: {batch: 1.5}"):               "line 4: limits.batch: it must be a whole number from 1 to 1000",
		inApp("limits: {clock_skew: 600}"):          "line 4: limits.clock_skew: it must be a time such as 500ms, 90s or 24h, from 1s to 24h0m0s",
		inApp("limits: {batch: 99999999999999999}"): "line 4: limits.batch: it must be a whole number from 1 to 1000",

		inApp("logs: {}"):                           "line 4: logs: it must be a list of at least one",
		inApp("logs: [{}]"):                         "line 4: logs[0].channels: it is missing; it must be a channel name with * for any characters",
		inApp(`logs: [{channels: "a:b"}]`):          "line 4: logs[0].channels: it is no channel name with * for any characters",
		inApp("logs: [{channels: a, replay: yes}]"): "line 4: logs[0].replay: it must be none, all, a number of events, or an amount such as 64KiB",
		inApp("logs: [{channels: a, bytes: 1KiB}]"): "line 4: logs[0].bytes: it must be an amount such as 8MiB, of at least 128KiB, the size of the largest event",
		inApp("logs: [{channels: a, keep: 1}]"):     "line 4: logs[0].keep: it must be a time such as 90m or 24h, of at most ten years",
		inApp("logs: [{channels: a, events: 0}]"):   "line 4: logs[0].events: it must be a whole number of at least 1",
		inApp("logs: [{channels: a, colour: 0}]"):   "line 4: logs[0]: there is no field colour; it may have channels, replay, events, bytes, keep, replicas",

		inApp("origins: https://a"):           "line 4: origins: it must be a list of at least one",
		inApp("origins: []"):                  "line 4: origins: it must be a list of at least one",
		inApp("origins: [a.example.com]"):     "line 4: origins[0]: it " + wrongOrigin,
		inApp("origins: ['null']"):            "line 4: origins[0]: it " + wrongOrigin,
		inApp("origins: ['https://a/']"):      "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://u@a']"):     "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://*']"):       "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://a.*.b']"):   "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://a*.b']"):    "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://*.*.b']"):   "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://ä.de']"):    "line 4: origins[0]: it " + wrongHost,
		inApp("origins: ['https://']"):        "line 4: origins[0]: it has no host, or one that is too long",
		inApp("origins: ['https://a:*']"):     "line 4: origins[0]: it must have a port from 1 to 65535",
		inApp("origins: ['https://a:99999']"): "line 4: origins[0]: it must have a port from 1 to 65535",
		inApp("origins: ['https://a:443']"):   "line 4: origins[0]: it must not have the scheme's own port: browsers leave it out",
		inApp("origins: ['http://[::01]']"):   "line 4: origins[0]: it must have an address as browsers write it, such as [2001:db8::1]",

		inApp("webhooks: [{}]"):                                                  "line 4: webhooks[0].url: it is missing; it must be a URL such as https://ci.example.com/hooks",
		inApp("webhooks: [{url: 'ftp://hunter2'}]"):                              "line 4: webhooks[0].url: it must begin with http:// or https://",
		inApp("webhooks: [{url: 'http://u:hunter2@a'}]"):                         "line 4: webhooks[0].url: it must not have a user",
		inApp("webhooks: [{url: 'http://a/#hunter2'}]"):                          "line 4: webhooks[0].url: it must not have a fragment",
		inApp("webhooks: [{url: 'http://'}]"):                                    "line 4: webhooks[0].url: it must have a host of letters, digits, . - and _",
		inApp(`webhooks: [{url: "http://a/\nhunter2"}]`):                         "line 4: webhooks[0].url: it must be a URL of at most 4096 bytes, without spaces and control characters",
		inApp("webhooks: [{url: 'http://a/%hunter2'}]"):                          "line 4: webhooks[0].url: it must be a URL such as https://ci.example.com/hooks",
		inApp("webhooks: [{url: 'http://a', events: [channel]}]"):                "line 4: webhooks[0].events[0]: it must be one of " + strings.Join(protocol.Hooks(), ", "),
		inApp("webhooks: [{url: 'http://a', events: []}]"):                       "line 4: webhooks[0].events: it must be a list of at least one",
		inApp("webhooks: [{url: 'http://a', channel_prefix: 'a b'}]"):            "line 4: webhooks[0].channel_prefix: it must be a part of a channel's name, of at most 164 characters",
		inApp("webhooks: [{url: 'http://a', headers: [hunter2]}]"):               "line 4: webhooks[0].headers: it must be a mapping of headers' names to their values",
		inApp("webhooks: [{url: 'http://a', headers: {'hunter2:': x}}]"):         "line 4: webhooks[0].headers: " + wrongHeader,
		inApp("webhooks: [{url: 'http://a', headers: {content-type: hunter2}}]"): "line 4: webhooks[0].headers: Content-Type is set by the relay",
		inApp("webhooks: [{url: 'http://a', headers: {a: x, A: y}}]"):            "line 4: webhooks[0].headers: A is there twice",
		inApp(`webhooks: [{url: 'http://a', headers: {a: "hunter2\r\nb: c"}}]`):  "line 4: webhooks[0].headers.A: it must be a header's value: one line, without spaces around it, of at most 8 KiB",
		inApp("webhooks: [{url: 'http://a', batch: 2m}]"):                        "line 4: webhooks[0].batch: it must be a time such as 500ms, 90s or 24h, from 0s to 1m0s",

		"apps: [{id: 'a:b', keys: [{key: k, secret: s}]}]":                                      "line 1: id: it must be of letters, digits, - and _, at most 100 of them",
		"apps: [{id: a, keys: [k]}]":                                                            "line 1: keys[0]: it must be a mapping with the fields key, secret, secret_file, state, rights, channels",
		"apps: [{id: a, keys: []}]":                                                             "line 1: keys: it must be a list of at least one",
		"apps: [{id: a, keys: [{secret: s}]}]":                                                  "line 1: keys[0].key: it is missing",
		"apps: [{id: a, keys: [{key: k}]}]":                                                     "line 1: keys[0]: it must have either secret or secret_file",
		"apps: [{id: a, keys: [{key: a/b, secret: s}]}]":                                        "line 1: keys[0].key: it must be of letters, digits and -_.~, at most 200 of them",
		"apps: [{id: a, keys: [{key: k, secret: ''}]}]":                                         "line 1: keys[0].secret: it must not be empty, nor longer than 4096 bytes, nor have spaces or line ends around it",
		"apps:\n- {id: a}\n- id: b\n  keys:\n  - key: k\n    secret: |\n      hunter2\n":        "line 2: keys: it is missing\nline 6: keys[0].secret: it must not be empty, nor longer than 4096 bytes, nor have spaces or line ends around it",
		"apps: [{id: a, keys: [{key: k, secret: *hunter2}]}]":                                   "line 1: aliases are not allowed; put a value that begins with * into quotes",
		"apps: [{id: a, keys: [{key: k, secret: &hunter2 x}]}]":                                 "line 1: anchors are not allowed; put a value that begins with & into quotes",
		"apps: [{id: a, keys: [{key: k, secret: {hunter2}}]}]":                                  "line 1: keys[0].secret: it must be a single value",
		"apps: [{id: a, keys: [{key: k, secret: s, secret_file: /run/secrets/ci}]}]":            "line 1: keys[0]: it must have either secret or secret_file",
		"apps: [{id: a, keys: [{key: k, secret_file: /x}]}]":                                    "line 1: keys[0].secret_file: it cannot be read: open /x: no such file or directory",
		"apps: [{id: a, keys: [{key: k, secret: s}, {key: k, secret: s}]}]":                     "line 1: keys[1].key: it is the same as in line 1",
		"apps:\n- {id: a, keys: [{key: k, secret: s}]}\n- {id: a, keys: [{key: k, secret: s}]}": "line 3: id: it is the same as in line 2\nline 3: keys[0].key: it is the same as in line 2",

		inApp("limits: {data: x, batch: x}", "enabled: x"): "line 4: limits.data: it must be an amount such as 4096 or 10KiB, from 1 to 128KiB\n" +
			"line 4: limits.batch: it must be a whole number from 1 to 1000\nline 5: enabled: it must be true or false",
	} {
		apps, err := appsfile.Parse([]byte(text), fromFiles())
		if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
			t.Errorf("%s\n(- want, + got):\n%s", text, diff)
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s\nthe secret is told: %v", text, err)
		}
		if apps != nil {
			t.Errorf("%s\nthere are apps beside the error", text)
		}
	}
}

// JSON is read as whatever writes JSON writes it.
func TestAFileCanBeJSON(t *testing.T) {
	const text = "{\n\t\"apps\": [\n\t\t{\n\t\t\t\"id\": \"a\",\n" +
		"\t\t\t\"keys\": [{\"key\": \"k\",\t\"secret\": \"\\ud83d\\ude00\\u00e9\\u007f\\/\\\\\\\"\\b: #*&!\"}],\n" +
		"\t\t\t\"webhooks\": [{\"url\": \"https:\\/\\/a.example.com\\/x?a=1\\u0026b=\\\\\"}],\n\t\t\t\"limits\": {\"batch\": %s}\n\t\t}\n\t]\n}\n"
	apps, err := appsfile.Parse(fmt.Appendf(nil, text, "7"), fromFiles())
	if err != nil {
		t.Fatal(err)
	}
	a := apps[0]
	if a.Keys[0].Secret != "😀é\u007f/\\\"\b: #*&!" || a.Webhooks[0].URL != `https://a.example.com/x?a=1&b=\` || a.Limits.Batch != 7 {
		t.Errorf("%q %q %d", string(a.Keys[0].Secret), a.Webhooks[0].URL, a.Limits.Batch)
	}
	for wrong, want := range map[string]string{
		"0":            "line 7: limits.batch: it must be a whole number from 1 to 1000",
		`1, "batch":2`: "line 7: limits.batch: it is there twice, first in line 7",
	} {
		if _, err := appsfile.Parse(fmt.Appendf(nil, text, wrong), fromFiles()); fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", wrong, err, want)
		}
	}
}

func TestAFileThatIsTooLargeIsRefused(t *testing.T) {
	_, err := appsfile.Parse([]byte(inApp()+strings.Repeat("#", 4<<20)), fromFiles())
	if got := fmt.Sprint(err); got != "it is larger than 4 MiB" {
		t.Error(got)
	}
}

func TestNotMoreIsToldThanOneReads(t *testing.T) {
	_, err := appsfile.Parse([]byte("apps: ["+strings.Repeat("x,", 1000)+"]"), fromFiles())
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 101 || lines[100] != "and more" {
		t.Errorf("%d lines: %v", len(lines), err)
	}
}
