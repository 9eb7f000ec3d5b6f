package appsfile_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

// withKeys is a file with an app that has these keys, from line 4 on, and further settings.
func withKeys(keys string, more string) []byte {
	return []byte("apps:\n- id: a\n  keys:\n" + keys + "\n" + more)
}

func TestKeysHaveAStateRightsAndChannels(t *testing.T) {
	got, err := appsfile.Parse(withKeys(`
  - {key: old, secret: s, state: revoked}
  - {key: going, secret: s, state: retiring}
  - {key: first, secret: s, state: active}
  - key: fork
    secret_file: /run/secrets/ci
    rights: [publish, read]
    channels:
      - private-fork-*
      - "#server-to-user-fork"
  - {key: viewer, secret: s, rights: [subscribe], channels: ["*"]}
`, ""), fromFiles())
	if err != nil {
		t.Fatal(err)
	}
	want := []auth.Key{
		{Key: "old", Secret: "s", State: auth.KeyRevoked},
		{Key: "going", Secret: "s", State: auth.KeyRetiring},
		{Key: "first", Secret: "s"},
		{
			Key: "fork", Secret: "out of a file", Rights: []auth.Right{auth.RightPublish, auth.RightRead},
			Channels: protocol.Patterns{"private-fork-*", "#server-to-user-fork"},
		},
		{Key: "viewer", Secret: "s", Rights: []auth.Right{auth.RightSubscribe}, Channels: protocol.Patterns{"*"}},
	}
	if diff := cmp.Diff(want, got[0].Keys); diff != "" {
		t.Errorf("(- want, + got):\n%s", diff)
	}
}

func TestKeysThatMakeNoSenseAreToldWithTheirLine(t *testing.T) {
	const (
		noPattern = "it is no channel name with * for any characters"
		noSigner  = "line 4: keys: app a has none that signs: at least one must be active and have neither rights nor channels, unless enabled is false"
	)
	for keys, want := range map[string]string{
		"  - {key: k, secret: s, state: passive}":                                                    "line 4: keys[0].state: it must be active, retiring or revoked",
		"  - {key: k, secret: s, state: ''}":                                                         "line 4: keys[0].state: it must be active, retiring or revoked",
		"  - {key: k, secret: s, state: hunter2}":                                                    "line 4: keys[0].state: it must be active, retiring or revoked",
		"  - {key: k, secret: s, rights: []}":                                                        "line 4: keys[0].rights: it must be a list of at least one",
		"  - {key: k, secret: s, rights: read}":                                                      "line 4: keys[0].rights: it must be a list of at least one",
		"  - {key: k, secret: s, rights: [admin]}":                                                   "line 4: keys[0].rights[0]: it must be one of publish, subscribe, read",
		"  - {key: k, secret: s, rights: [read, read]}":                                              "line 4: keys[0].rights[1]: it is there twice",
		"  - {key: k, secret: s, channels: []}":                                                      "line 4: keys[0].channels: it must be a list of at least one",
		"  - {key: k, secret: s, channels: ['a b']}":                                                 "line 4: keys[0].channels[0]: " + noPattern,
		"  - {key: k, secret: s, channels: ['']}":                                                    "line 4: keys[0].channels[0]: " + noPattern,
		"  - {key: k, secret: s, channels: [x, 'a/*']}":                                              "line 4: keys[0].channels[1]: " + noPattern,
		"  - {key: k, secret: s, channel: [x]}":                                                      "line 4: keys[0]: there is no field channel; it may have key, secret, secret_file, state, rights, channels",
		"  - {key: k, secret: s, state: revoked}":                                                    noSigner,
		"  - {key: k, secret: s, state: retiring}\n  - {key: l, secret: s, state: revoked}":          noSigner,
		"  - {key: k, secret: s, channels: ['*']}":                                                   noSigner,
		"  - {key: k, secret: s, state: retiring}\n  - {key: l, secret: s, rights: [publish, read]}": noSigner,
		// Of what could not be read nobody knows what it would be good for.
		"  - {key: k, secret: s, rights: [publish]}\n  - {key: l, secret: s, rights: [all]}": "line 5: keys[1].rights[0]: it must be one of publish, subscribe, read",
	} {
		apps, err := appsfile.Parse(withKeys(keys, ""), fromFiles())
		if got := fmt.Sprint(err); got != want || apps != nil {
			t.Errorf("%s\n got %s\nwant %s", keys, got, want)
		}
	}
	if _, err := appsfile.Parse(withKeys("  - {key: k, secret: s, state: revoked}", "  enabled: false"), fromFiles()); err != nil {
		t.Errorf("a disabled app needs an active key: %v", err)
	}
	if _, err := appsfile.Parse(withKeys("  - {key: k, secret: s, rights: [read, publish, subscribe]}", ""), fromFiles()); err != nil {
		t.Errorf("a key with all rights does not sign: %v", err)
	}
}
