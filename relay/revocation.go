package relay

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// Revocation takes decisions of the auth endpoint back: whom they let in has to ask again. User
// or Channel is set, or both, which is then what both are true of.
type Revocation struct {
	// Number is its own, in the microseconds of Redis' clock: of two the later one's is higher.
	Number int64
	App    string
	User   string // the id of whom they let in; "" is anybody
	// Channel is the name of a channel to which they let them, or a pattern, see
	// [protocol.Patterns]; "" is any, and signing in.
	Channel string
}

// covers says whether a decision is of the app and the channel; "" is one to sign in.
func (r Revocation) covers(app, channel string) bool {
	return r.App == app && (r.Channel == "" || channel != "" && protocol.Matches(r.Channel, channel))
}

// takes says whether a decision of what it covers is taken back, nil being one of a backend, that
// let in any of these users.
func (r Revocation) takes(d *auth.Decision, users ...string) bool {
	return (d == nil || d.After < r.Number) && (r.User == "" || slices.Contains(users, r.User))
}

const (
	// RevocationsKept is for how long revocations are known: who decided before the oldest of
	// them, and shows it later, has to ask again.
	RevocationsKept = time.Hour
	// MostRevocations is how many of an app are known. The same user and channel, revoked once
	// more, is one.
	MostRevocations = 10_000
	// mostNumber is what Redis' numbers are exact up to.
	mostNumber = 1 << 53
)

// ErrRevocationsFull says that so many are known of the app that no more can be told: those of the
// last hour are for nodes that were cut off, too.
var ErrRevocationsFull = fmt.Errorf("there were %d revocations in the last hour: revoke patterns of channels", MostRevocations)

// Revocations are those that a node has heard of. The zero value and nil know none.
type Revocations struct {
	mu     sync.RWMutex
	apps   map[string]*revoked
	clock  redisClock
	caught int64 // all with lower numbers are known
	floor  int64 // of those up to that some were missed
}

// revoked are those of an app.
type revoked struct {
	all   []Revocation // by their numbers
	floor int64        // those that were forgotten had no higher number
}

// Last is a number below which all of an app are known: that of the newest, or a later one. It is
// never 0.
func (r *Revocations) Last(app string) int64 {
	if r == nil {
		return 1
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	last := max(r.caught, 1)
	if known := r.apps[app]; known != nil && len(known.all) > 0 {
		last = max(last, known.all[len(known.all)-1].Number)
	}
	return last
}

// add adds one, and says whether it was not known.
func (r *Revocations) add(n Revocation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.put(n)
}

// put is add under the lock.
func (r *Revocations) put(n Revocation) bool {
	if n.Number <= 0 || n.Number > mostNumber {
		return false
	}
	known := r.apps[n.App]
	if known == nil {
		known = &revoked{}
		if r.apps == nil {
			r.apps = make(map[string]*revoked)
		}
		r.apps[n.App] = known
	}
	return known.add(n)
}

// add takes no number twice, and none so old that it would be forgotten at once: each look at Redis
// would find it new. Of the same that is revoked twice the later one is enough.
func (k *revoked) add(n Revocation) bool {
	at, known := slices.BinarySearchFunc(k.all, n.Number, byNumber)
	if known || n.Number <= k.floor || len(k.all) > 0 && n.Number < k.oldest() {
		return false
	}
	same := slices.IndexFunc(k.all, func(a Revocation) bool { return a.User == n.User && a.Channel == n.Channel })
	if same >= at {
		return false
	}
	k.all = slices.Insert(k.all, at, n)
	if same >= 0 {
		k.all = slices.Delete(k.all, same, same+1)
	}
	gone := max(0, len(k.all)-MostRevocations)
	for k.all[gone].Number < k.oldest() {
		gone++
	}
	if gone > 0 {
		k.floor = k.all[gone-1].Number
		k.all = slices.Delete(k.all, 0, gone)
	}
	return true
}

func byNumber(a Revocation, number int64) int { return cmp.Compare(a.Number, number) }

// oldest is the number before which they are forgotten. There must be one.
func (k *revoked) oldest() int64 { return k.all[len(k.all)-1].Number - RevocationsKept.Microseconds() }

// Outdated says whether a decision, for a channel or, "", to sign in, was taken back since; nil is
// one of a backend, of which that is not known. One that is older than what is known is outdated.
func (r *Revocations) Outdated(app, channel string, d *auth.Decision) bool {
	return d != nil && r.takesBack(app, channel, *d, false)
}

// Doubted says whether a decision of the auth endpoint is not to be believed any more: it is
// outdated, or could be, since nobody said of whom it is.
func (r *Revocations) Doubted(app, channel string, d auth.Decision) bool {
	return r.takesBack(app, channel, d, d.User == "")
}

// takesBack looks at what came after a decision; anybody says that it is of whomever that names.
func (r *Revocations) takesBack(app, channel string, d auth.Decision, anybody bool) bool {
	if r == nil {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.unknown(d) {
		return true
	}
	known := r.apps[app]
	return known != nil && known.takesBack(channel, d, anybody)
}

func (k *revoked) takesBack(channel string, d auth.Decision, anybody bool) bool {
	if d.After < k.floor {
		return true
	}
	for _, n := range slices.Backward(k.all) {
		if n.Number <= d.After {
			return false
		}
		if (anybody || n.takes(&d, d.User)) && n.covers(n.App, channel) {
			return true
		}
	}
	return false
}
