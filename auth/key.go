package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"buildrelay/protocol"
)

// Key is one of an app's keys. The key is public, the secret signs.
type Key struct {
	Key    string
	Secret Secret
	State  KeyState
	// Rights are what the key may be used for; nil means everything.
	Rights []Right
	// Channels are those that it may be used for. A user is as good as the user's channel.
	Channels protocol.Patterns
}

// KeyState is where a key is in its life.
type KeyState string

// The states, in their order.
const (
	// KeyActive verifies. The first key of an app that is active, and not limited, signs what
	// the relay signs.
	KeyActive KeyState = ""
	// KeyRetiring verifies what was signed by it, and signs nothing.
	KeyRetiring KeyState = "retiring"
	// KeyRevoked is refused, in the words in which an unknown key is.
	KeyRevoked KeyState = "revoked"
)

// UnmarshalText reads the name of a state.
func (s *KeyState) UnmarshalText(text []byte) error {
	switch as := KeyState(text); as {
	case "active":
		*s = KeyActive
	case KeyRetiring, KeyRevoked:
		*s = as
	default:
		return fmt.Errorf("%q is none of active, retiring and revoked", text)
	}
	return nil
}

// String returns the name of the state.
func (s KeyState) String() string {
	if s == KeyActive {
		return "active"
	}
	return string(s)
}

// Right is something that a key may be used for.
type Right string

// The rights.
const (
	// RightPublish is for the calls of the HTTP API that do something: events, the end of a
	// user's connections, reports to the audit trail.
	RightPublish Right = "publish"
	// RightSubscribe is for clients: to connect, and to sign subscriptions and users.
	RightSubscribe Right = "subscribe"
	// RightRead is for the calls of the HTTP API that ask.
	RightRead Right = "read"
)

// Rights are all that there are.
func Rights() []Right { return []Right{RightPublish, RightSubscribe, RightRead} }

// Causes of refusals, as records have them.
const (
	CauseRevoked = "revoked key"
	CauseRights  = "key's rights"
)

// Has says whether the key has a right, be it for some channels only.
func (k *Key) Has(right Right) bool { return k.Rights == nil || slices.Contains(k.Rights, right) }

// May says whether the key has a right for a channel.
func (k *Key) May(right Right, channel string) bool {
	return k.Has(right) && k.Channels.Match(channel)
}

// Limited says whether there is anything that the key may not be used for: a right, or a channel.
func (k *Key) Limited() bool {
	return k.Channels != nil || slices.ContainsFunc(Rights(), func(right Right) bool { return !k.Has(right) })
}

// signs says whether the key may sign what the relay, or a backend, signs for all of the app.
func (k *Key) signs() bool { return k.State == KeyActive && !k.Limited() }

// CheckRight returns a [*RequestError], with status 403, unless the key has the right; for a
// channel where that is not "".
func (k *Key) CheckRight(right Right, channel string) error {
	switch {
	case !k.Has(right):
		return forbidden("the key %s lacks the right to %s", k.Key, right)
	case channel != "" && !k.Channels.Match(channel):
		return forbidden("the key %s lacks the right to %s on %s", k.Key, right, channel)
	}
	return nil
}

// CheckUnlimited is CheckRight for what is no matter of a channel: a key that is limited to
// some may not do it.
func (k *Key) CheckUnlimited(right Right, what string) error {
	if err := k.CheckRight(right, ""); err != nil || k.Channels == nil {
		return err
	}
	return forbidden("the key %s lacks the right to %s: it is limited to some channels", k.Key, what)
}

func forbidden(format string, args ...any) error {
	return &RequestError{http.StatusForbidden, fmt.Sprintf(format, args...), CauseRights}
}

// CheckClient returns the error that a client is told unless the key may be used for a channel.
func (k *Key) CheckClient(channel string) *protocol.Error {
	if k.May(RightSubscribe, channel) {
		return nil
	}
	err := protocol.ErrKeyRight(k.Key, channel)
	err.Cause = CauseRights
	return err
}

// equal says whether two keys are the same in everything.
func (k *Key) equal(other *Key) bool {
	return k.Key == other.Key && k.Secret == other.Secret && k.State == other.State &&
		(k.Rights == nil) == (other.Rights == nil) && slices.Equal(k.Rights, other.Rights) &&
		(k.Channels == nil) == (other.Channels == nil) && slices.Equal(k.Channels, other.Channels)
}

// SameKeys says whether the keys of two apps are the same in everything.
func SameKeys(a, b *App) bool {
	return slices.EqualFunc(a.Keys, b.Keys, func(k, l Key) bool { return k.equal(&l) })
}

// Key returns the app's key called name, and whether it is one that is not revoked; nil where
// there is none. It must not be changed.
func (a *App) Key(name string) (*Key, bool) {
	k := a.findKey(name)
	return k, k != nil && k.State != KeyRevoked
}

// Vouches says whether what k has signed for all of the app is still good: the app has the key,
// with this secret, and it is neither revoked nor limited.
func (a *App) Vouches(k *Key) bool {
	now, ok := a.Key(k.Key)
	return ok && now.Secret == k.Secret && !now.Limited()
}

// CanSign says whether one of the app's keys is active and not limited, as [App.SigningKey]
// needs it.
func (a *App) CanSign() bool {
	return slices.ContainsFunc(a.Keys, func(k Key) bool { return k.signs() })
}

// SigningKey is the key that signs what the relay, or a backend, signs: the first that is
// active and not limited. Where none is, which only a disabled app may have, it is the first.
func (a *App) SigningKey() Key {
	i := slices.IndexFunc(a.Keys, func(k Key) bool { return k.signs() })
	return a.Keys[max(i, 0)]
}

// CheckConnect returns the key by which a client connects, or why it may not.
func (a *App) CheckConnect(name string) (*Key, *protocol.Close) {
	key, ok := a.Key(name)
	switch {
	case !ok:
		return nil, protocol.ErrUnknownKey(name)
	case !key.Has(RightSubscribe):
		return nil, protocol.ErrKeyMayNotConnect(name)
	}
	return key, nil
}

// Signer returns the key that a client names in its auth, "KEY:signature", be it revoked; nil
// where the app has none of that name.
func (a *App) Signer(auth string) *Key {
	name, _, _ := strings.Cut(auth, ":")
	return a.findKey(name)
}
