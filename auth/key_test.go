package auth_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// keyed is an app with a key in each state, and keys that may do less.
func keyed() *auth.App {
	return &auth.App{ID: "3", Keys: []auth.Key{
		{Key: "old", Secret: "s-old", State: auth.KeyRevoked},
		{Key: "going", Secret: "s-going", State: auth.KeyRetiring},
		{Key: "first", Secret: "s-first"},
		{Key: "second", Secret: "s-second"},
		{Key: "builder", Secret: "s-builder", Rights: []auth.Right{auth.RightPublish}},
		{Key: "viewer", Secret: "s-viewer", Rights: []auth.Right{auth.RightSubscribe}},
		{Key: "reader", Secret: "s-reader", Rights: []auth.Right{auth.RightRead, auth.RightSubscribe}},
		{Key: "fork", Secret: "s-fork", Channels: protocol.Patterns{"private-fork-*", "#server-to-user-fork"}},
	}}
}

func keyNamed(name string) auth.Key { return auth.Key{Key: name, Secret: auth.Secret("s-" + name)} }

// What a key may be used for, as clients and backends find out. A key that is revoked is as one
// that never was.
func TestKeysAreGoodForWhatTheirStateAndRightsSay(t *testing.T) {
	const (
		unknown = "Invalid key in subscription auth data: "
		lacks   = " lacks the right to subscribe to "
	)
	for name, want := range map[string]struct{ connect, subscribe, fork, request string }{
		"nobody":  {"4001", unknown, unknown, "401 unknown key"},
		"old":     {"4001", unknown, unknown, "401 revoked key"},
		"going":   {},
		"first":   {},
		"second":  {},
		"builder": {"4009", lacks, lacks, ""},
		"viewer":  {},
		"reader":  {},
		"fork":    {"", lacks, "", ""},
	} {
		key := keyNamed(name)
		_, connect := keyed().CheckConnect(name)
		if (connect == nil) != (want.connect == "") || connect != nil && !strings.HasPrefix(connect.Error(), want.connect) {
			t.Errorf("%s connects: %v", name, connect)
		}
		for channel, want := range map[string]string{"private-x": want.subscribe, "private-fork-1": want.fork} {
			s := protocol.Subscribe{Channel: channel, Auth: auth.SignChannel(key, docSocket, channel, nil)}
			err := keyed().CheckSubscribe(docSocket, s)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Message, want) {
				t.Errorf("%s signs %s: %v", name, channel, err)
			}
		}
		r := auth.Request{Method: "GET", Path: "/apps/3/channels"}
		r.RawQuery = auth.SignRequest(key, r.Method, r.Path, nil, nil, docTime())
		_, err := keyed().CheckHead(r, docTime())
		if got := refusalOf(err); got != want.request {
			t.Errorf("%s signs a call: %q", name, got)
		}
	}
}

// refusalOf is the status and the cause of a call's refusal.
func refusalOf(err error) string {
	var refused *auth.RequestError
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &refused):
		return "another error"
	case refused.Status == 401:
		return "401 " + refused.Cause
	default:
		return "403 " + refused.Message
	}
}

// Who has a key that is revoked learns no more than who has none: neither words nor statuses
// tell them apart.
func TestARevokedKeyIsRefusedInTheWordsForAnUnknownOne(t *testing.T) {
	told := func(name string) (all []string) {
		key := keyNamed(name)
		_, connect := keyed().CheckConnect(name)
		subscribe := keyed().CheckSubscribe(docSocket, protocol.Subscribe{Channel: "private-x", Auth: auth.SignChannel(key, docSocket, "private-x", nil)})
		_, signin := keyed().CheckSignin(docSocket, protocol.Signin{Auth: auth.SignUser(key, docSocket, docUser), UserData: docUser})
		r := auth.Request{Method: "GET", Path: "/apps/3/channels"}
		r.RawQuery = auth.SignRequest(key, r.Method, r.Path, nil, nil, docTime())
		for _, err := range []error{connect, subscribe, signin, keyed().CheckRequest(r, docTime())} {
			all = append(all, strings.ReplaceAll(err.Error(), name, "KEY"))
		}
		return all
	}
	if diff := cmp.Diff(told("nobody"), told("old")); diff != "" {
		t.Errorf("(- unknown, + revoked):\n%s", diff)
	}
}

// What a key may do is told to those who have its secret.
func TestAWrongSignatureDoesNotTellAKeysRights(t *testing.T) {
	s := protocol.Subscribe{Channel: "private-x", Auth: "builder:" + strings.Repeat("0", 64)}
	if err := keyed().CheckSubscribe(docSocket, s); err == nil || !strings.HasPrefix(err.Message, "Invalid signature") {
		t.Errorf("got %v", err)
	}
}

func TestRightsAreForChannels(t *testing.T) {
	for _, test := range []struct {
		key     string
		right   auth.Right
		channel string
		want    string
	}{
		{"first", auth.RightPublish, "private-x", ""},
		{"first", auth.RightRead, "", ""},
		{"builder", auth.RightPublish, "private-x", ""},
		{"builder", auth.RightRead, "private-x", "403 the key builder lacks the right to read"},
		{"builder", auth.RightSubscribe, "", "403 the key builder lacks the right to subscribe"},
		{"fork", auth.RightPublish, "", ""},
		{"fork", auth.RightPublish, "private-fork-9", ""},
		{"fork", auth.RightPublish, "private-x", "403 the key fork lacks the right to publish on private-x"},
		{"fork", auth.RightRead, "xprivate-fork-9", "403 the key fork lacks the right to read on xprivate-fork-9"},
		{"fork", auth.RightPublish, "#server-to-user-fork", ""},
		{"fork", auth.RightPublish, "#server-to-user-ann", "403 the key fork lacks the right to publish on #server-to-user-ann"},
	} {
		key, _ := keyed().Key(test.key)
		if got := refusalOf(key.CheckRight(test.right, test.channel)); got != test.want {
			t.Errorf("%s, %s, %s: %q, want %q", test.key, test.right, test.channel, got, test.want)
		}
	}
	for name, want := range map[string]string{
		"first": "", "reader": "403 the key reader lacks the right to publish",
		"fork": "403 the key fork lacks the right to report: it is limited to some channels",
	} {
		key, _ := keyed().Key(name)
		if got := refusalOf(key.CheckUnlimited(auth.RightPublish, "report")); got != want {
			t.Errorf("%s reports: %q, want %q", name, got, want)
		}
	}
}

// A key that is for some users' channels signs in those users.
func TestAKeyForChannelsIsForTheUsersAmongThem(t *testing.T) {
	for channel, ok := range map[string]bool{"#server-to-user-fork": true, "#server-to-user-ann": false} {
		key, _ := keyed().Key("fork")
		if err := key.CheckClient(channel); (err == nil) != ok {
			t.Errorf("%s: %v", channel, err)
		}
	}
}

// After a rotation, in which the old key stands first and the new one last, a fork's key between
// them must not sign what receivers take for the app's own.
func TestTheFirstActiveKeyWithoutLimitsSigns(t *testing.T) {
	for name, limited := range map[string]auth.Key{
		"fewer rights":       {Key: "fork", Secret: "s", Rights: []auth.Right{auth.RightPublish, auth.RightRead}},
		"some channels":      {Key: "fork", Secret: "s", Channels: protocol.Patterns{"private-fork-*"}},
		"channels, all even": {Key: "fork", Secret: "s", Channels: protocol.Patterns{"*"}},
	} {
		app := auth.App{ID: "1", Keys: []auth.Key{{Key: "old", Secret: "s", State: auth.KeyRetiring}, limited, {Key: "new", Secret: "s", Rights: auth.Rights()}}}
		if _, err := auth.NewApps(app); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if key, _ := app.SignWebhook([]byte("{}")); key != "new" || app.SigningKey().Key != "new" {
			t.Errorf("%s: %s signs a webhook, %s the rest", name, key, app.SigningKey().Key)
		}
		app.Keys = app.Keys[:2]
		if _, err := auth.NewApps(app); app.CanSign() || err == nil {
			t.Errorf("%s: an app whose one active key it is is taken", name)
		}
		app.Disabled = true
		if _, err := auth.NewApps(app); err != nil {
			t.Errorf("%s, disabled: %v", name, err)
		}
	}
}

// A letter that was signed goes out again as it is for as long as the app stands by its key.
func TestAnAppVouchesForWhatItsKeysHaveSigned(t *testing.T) {
	for name, want := range map[string]bool{"nobody": false, "old": false, "going": true, "first": true, "builder": false, "fork": false} {
		key := keyNamed(name)
		if got := keyed().Vouches(&key); got != want {
			t.Errorf("%s: %v", name, got)
		}
		key.Secret = "another"
		if keyed().Vouches(&key) {
			t.Errorf("%s: with another secret", name)
		}
	}
}

func TestTheFirstActiveKeySigns(t *testing.T) {
	if got := keyed().SigningKey().Key; got != "first" {
		t.Errorf("%s signs", got)
	}
	key, signature := keyed().SignWebhook([]byte("body"))
	first := auth.App{Keys: []auth.Key{keyNamed("first")}}
	if _, want := first.SignWebhook([]byte("body")); key != "first" || signature != want || len(signature) != hex.EncodedLen(32) {
		t.Errorf("a webhook is signed by %s: %s", key, signature)
	}
	disabled := auth.App{Keys: []auth.Key{{Key: "old", Secret: "s", State: auth.KeyRevoked}}}
	if got := disabled.SigningKey().Key; got != "old" {
		t.Errorf("without an active key %q signs", got)
	}
}

func TestAppsNeedAnActiveKeyUnlessTheyAreDisabled(t *testing.T) {
	keys := []auth.Key{{Key: "a", Secret: "s", State: auth.KeyRetiring}, {Key: "b", Secret: "s", State: auth.KeyRevoked}}
	if _, err := auth.NewApps(auth.App{ID: "1", Keys: keys}); err == nil || !strings.Contains(err.Error(), "no active key") {
		t.Errorf("got %v", err)
	}
	if _, err := auth.NewApps(auth.App{ID: "1", Keys: keys, Disabled: true}); err != nil {
		t.Error(err)
	}
}

func TestSameKeysAreTheSameInEverything(t *testing.T) {
	if !auth.SameKeys(keyed(), keyed()) {
		t.Error("an app has other keys than itself")
	}
	for name, change := range map[string]func(*auth.Key){
		"name":           func(k *auth.Key) { k.Key = "x" },
		"secret":         func(k *auth.Key) { k.Secret = "x" },
		"state":          func(k *auth.Key) { k.State = auth.KeyRetiring },
		"rights":         func(k *auth.Key) { k.Rights = nil },
		"no rights":      func(k *auth.Key) { k.Rights = []auth.Right{} },
		"channels":       func(k *auth.Key) { k.Channels = protocol.Patterns{"*"} },
		"some channels":  func(k *auth.Key) { k.Channels[0] = "private-fork-1*" },
		"fewer channels": func(k *auth.Key) { k.Channels = k.Channels[:1] },
	} {
		other := keyed()
		key := &other.Keys[len(other.Keys)-1]
		key.Rights = []auth.Right{auth.RightPublish}
		same := keyed()
		same.Keys[len(same.Keys)-1].Rights = []auth.Right{auth.RightPublish}
		change(key)
		if auth.SameKeys(same, other) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

func TestStatesHaveTheirNames(t *testing.T) {
	for _, state := range []auth.KeyState{auth.KeyActive, auth.KeyRetiring, auth.KeyRevoked} {
		got := auth.KeyState("x")
		if err := got.UnmarshalText([]byte(state.String())); err != nil || got != state {
			t.Errorf("%s is read as %q: %v", state, string(got), err)
		}
	}
	for _, text := range []string{"", "ACTIVE", "revoke", "active "} {
		if err := new(auth.KeyState).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a state", text)
		}
	}
}
