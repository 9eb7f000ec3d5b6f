package protocol

import "strings"

// UserPrefix begins the name of a signed-in user's own channel.
const UserPrefix = "#server-to-user-"

// Kind is what the prefix of a channel's name makes of it.
type Kind uint8

// The kinds, each with the prefix that makes it.
const (
	Public         Kind = iota // any other name
	Private                    // private-
	Presence                   // presence-
	Encrypted                  // private-encrypted-
	Cache                      // cache-
	PrivateCache               // private-cache-
	EncryptedCache             // private-encrypted-cache-
	PresenceCache              // presence-cache-
	User                       // #server-to-user-
)

// KindOf returns the kind of the channel called name, by its longest prefix.
// Prefixes are case-sensitive. The name itself is not checked; see
// [CheckChannel].
func KindOf(name string) Kind {
	has := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	switch {
	case has("private-encrypted-cache-"):
		return EncryptedCache
	case has("private-encrypted-"):
		return Encrypted
	case has("private-cache-"):
		return PrivateCache
	case has("private-"):
		return Private
	case has("presence-cache-"):
		return PresenceCache
	case has("presence-"):
		return Presence
	case has("cache-"):
		return Cache
	case has(UserPrefix):
		return User
	default:
		return Public
	}
}

// NeedsAuth reports whether a client must prove its right to subscribe: by a
// signature, or on a [User] channel by having signed in as that user.
func (k Kind) NeedsAuth() bool { return k != Public && k != Cache }

// Presence reports whether subscribers are members that are told of each other.
func (k Kind) Presence() bool { return k == Presence || k == PresenceCache }

// Cache reports whether a new subscriber is given the channel's last event.
func (k Kind) Cache() bool {
	return k == Cache || k == PrivateCache || k == EncryptedCache || k == PresenceCache
}

// Encrypted reports whether clients decrypt the events of the channel, except
// those whose names begin with "pusher:" or "pusher_internal:".
func (k Kind) Encrypted() bool { return k == Encrypted || k == EncryptedCache }

// TakesClientEvents reports whether clients may send events to each other on the channel.
func (k Kind) TakesClientEvents() bool {
	return k == Private || k == PrivateCache || k.Presence()
}
