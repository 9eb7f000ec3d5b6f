package auth

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Use is what a key was used for.
type Use string

// The uses. A client that connects shows no signature: it may be anybody's who knows the key,
// and so may be what is refused.
const (
	UseConnect   Use = "connect"
	UseSubscribe Use = "subscribe" // a subscription, or a user, that the key has signed
	UsePublish   Use = "publish"
	UseRead      Use = "read"
	UseRefused   Use = "refused" // since the key is revoked, or lacks a right
)

// uses are all that there are, in the order of use.last.
var uses = [...]Use{UseConnect, UseSubscribe, UsePublish, UseRead, UseRefused} //nolint:gochecknoglobals // a list that Go cannot make constant

// AllUses are all that there are.
func AllUses() []Use { return uses[:] }

// Uses remember when keys were used last, on this node since its start. The zero value is ready
// to use, nil remembers nothing. They are safe for concurrent use.
type Uses struct {
	mu sync.RWMutex
	by map[keyName]*keyUse
}

type keyName struct{ app, key string }

// keyUse is what is remembered of a key.
type keyUse struct {
	// Guarded by Uses.mu.

	key   Key
	since time.Time // when it came to be in its state, or the node started

	last    [len(uses)]atomic.Int64 // in nanoseconds since 1970; 0 is never
	refused atomic.Int64
}

// KeyUse is what is known of a key.
type KeyUse struct {
	App      string
	Key      string
	State    KeyState
	Rights   []Right  // nil means all
	Channels []string // likewise
	// Since is when the node found the key in its state.
	Since time.Time
	// Last is when it was used last; what it was never used for is not there.
	Last map[Use]time.Time
	// Refused is how often it was refused.
	Refused int64
}

// LastUsed is when the key was used last and not refused; zero where it was never.
func (k *KeyUse) LastUsed() (last time.Time) {
	for as, at := range k.Last {
		if as != UseRefused && at.After(last) {
			last = at
		}
	}
	return last
}

// Note notes that a key was used. A key that is in none of the apps is not noted.
func (u *Uses) Note(app, key string, as Use, now time.Time) {
	if u == nil {
		return
	}
	u.mu.RLock()
	k := u.by[keyName{app, key}]
	u.mu.RUnlock()
	if k == nil {
		return
	}
	k.last[slices.Index(uses[:], as)].Store(now.UnixNano())
	if as == UseRefused {
		k.refused.Add(1)
	}
}

// Keep makes the keys of these apps those whose uses are noted. What is known of them stays.
func (u *Uses) Keep(apps []App, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := u.by
	u.by = make(map[keyName]*keyUse)
	for _, app := range apps {
		for _, key := range app.Keys {
			name := keyName{app.ID, key.Key}
			use := before[name]
			if use == nil {
				use = &keyUse{since: now}
			} else if use.key.State != key.State {
				use.since = now
			}
			use.key = key
			u.by[name] = use
		}
	}
}

// All returns what is known of all keys, in order.
func (u *Uses) All() []KeyUse {
	u.mu.RLock()
	defer u.mu.RUnlock()
	names := slices.SortedFunc(maps.Keys(u.by), func(a, b keyName) int {
		return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.key, b.key))
	})
	all := make([]KeyUse, len(names))
	for i, name := range names {
		all[i] = u.by[name].tell(name)
	}
	return all
}

func (k *keyUse) tell(name keyName) KeyUse {
	told := KeyUse{
		App: name.app, Key: name.key, State: k.key.State, Rights: k.key.Rights, Channels: k.key.Channels,
		Since: k.since, Last: make(map[Use]time.Time), Refused: k.refused.Load(),
	}
	for i, as := range uses {
		if at := k.last[i].Load(); at != 0 {
			told.Last[as] = time.Unix(0, at)
		}
	}
	return told
}
