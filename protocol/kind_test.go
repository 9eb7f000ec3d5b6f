package protocol_test

import (
	"testing"

	"buildrelay/protocol"
)

func TestKindOfGoesByTheLongestPrefix(t *testing.T) {
	type traits struct{ auth, presence, cache, encrypted bool }
	tests := []struct {
		name string
		kind protocol.Kind
		want traits
	}{
		{"news", protocol.Public, traits{}},
		{"Private-x", protocol.Public, traits{}},
		{"xprivate-x", protocol.Public, traits{}},
		{"private", protocol.Public, traits{}},
		{"private-x", protocol.Private, traits{auth: true}},
		{"private-", protocol.Private, traits{auth: true}},
		{"private-encrypted", protocol.Private, traits{auth: true}},
		{"private-encrypted-x", protocol.Encrypted, traits{auth: true, encrypted: true}},
		{"private-encrypted-cache", protocol.Encrypted, traits{auth: true, encrypted: true}},
		{"private-encrypted-cache-x", protocol.EncryptedCache, traits{auth: true, cache: true, encrypted: true}},
		{"private-cache-x", protocol.PrivateCache, traits{auth: true, cache: true}},
		{"presence-x", protocol.Presence, traits{auth: true, presence: true}},
		{"presence-cache-x", protocol.PresenceCache, traits{auth: true, presence: true, cache: true}},
		{"cache-x", protocol.Cache, traits{cache: true}},
		{"cache-private-x", protocol.Cache, traits{cache: true}},
		{"#server-to-user-u1", protocol.User, traits{auth: true}},
	}
	for _, test := range tests {
		k := protocol.KindOf(test.name)
		if k != test.kind {
			t.Errorf("KindOf(%q) = %d, want %d", test.name, k, test.kind)
		}
		if got := (traits{k.NeedsAuth(), k.Presence(), k.Cache(), k.Encrypted()}); got != test.want {
			t.Errorf("%q is %+v, want %+v", test.name, got, test.want)
		}
	}
}
