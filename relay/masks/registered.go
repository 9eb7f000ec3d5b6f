package masks

import (
	"sync"
	"sync/atomic"
	"time"
)

// remembered is how long it is known at most that a registration was taken back. What comes late
// comes earlier.
const remembered = 24 * time.Hour

// registration is what is registered for a channel, or for an app. One that was taken back has
// nothing sealed: it is there so that the former does not come back.
type registration struct {
	Stored
	// opening is held while its values are opened and compiled; failed is when that was tried
	// in vain, in ns since the epoch.
	opening sync.Mutex
	failed  atomic.Int64
}

// is says whether a registration was made of what is stored.
func (r *registration) is(s Stored) bool { return r.Version == s.Version && r.Sealed == s.Sealed }

// registered is what is registered for all apps. It is safe for concurrent use.
type registered struct {
	now   func() time.Time
	count atomic.Int64 // of all

	mu sync.RWMutex
	by map[string]map[string]*registration // by app and channel
}

func newRegistered(now func() time.Time) *registered {
	return &registered{now: now, by: make(map[string]map[string]*registration)}
}

// find returns what is registered for an app and for one of its channels, nil for nothing.
func (r *registered) find(appID, channel string) (ofApp, ofChannel *registration) {
	if r.count.Load() == 0 {
		return nil, nil
	}
	r.mu.RLock()
	channels := r.by[appID]
	ofApp, ofChannel = channels[""], channels[channel]
	r.mu.RUnlock()
	if ofApp == nil && ofChannel == nil {
		return nil, nil
	}
	now := r.now()
	return ofApp.at(now), ofChannel.at(now)
}

// at returns a registration unless it has ended, or was taken back.
func (r *registration) at(now time.Time) *registration {
	if r == nil || r.Sealed == "" || r.ended(now) {
		return nil
	}
	return r
}

func (r *registration) ended(now time.Time) bool { return !now.Before(r.Until) }

// hear takes a registration, and returns those that are over by that.
func (r *registered) hear(s Stored) (over []*registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take(s)
}

// take puts a registration in the place of an older one, which it returns. The mutex is held.
func (r *registered) take(s Stored) (over []*registration) {
	former := r.by[s.App][s.Channel]
	if former != nil {
		if s.Version < former.Version || former.is(s) {
			return nil
		}
		over = append(over, former)
	}
	now := r.now()
	if s.Sealed == "" {
		s.Until = lastOf(former, s.Until)
		if most := now.Add(remembered); s.Until.After(most) {
			s.Until = most
		}
	}
	r.put(&registration{Stored: s}, now)
	return over
}

// lastOf is the later of the end of a registration, if there is one, and another time.
func lastOf(former *registration, until time.Time) time.Time {
	if former != nil && former.Until.After(until) {
		return former.Until
	}
	return until
}

// put keeps a registration, in the place of the channel's former, unless it has ended.
func (r *registered) put(next *registration, now time.Time) {
	channels := r.by[next.App]
	if channels == nil {
		channels = make(map[string]*registration)
	}
	before := len(channels)
	delete(channels, next.Channel)
	if !next.ended(now) {
		channels[next.Channel] = next
	}
	r.keep(next.App, channels, before)
}

// keep makes channels what is registered for an app, in the place of so many.
func (r *registered) keep(appID string, channels map[string]*registration, before int) {
	r.by[appID] = channels
	if len(channels) == 0 {
		delete(r.by, appID)
	}
	r.count.Add(int64(len(channels) - before))
}

// sweep drops the registrations that have ended, and returns them.
func (r *registered) sweep() (over []*registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for appID, channels := range r.by {
		before := len(channels)
		for channel, known := range channels {
			if known.ended(now) {
				delete(channels, channel)
				over = append(over, known)
			}
		}
		r.keep(appID, channels, before)
	}
	return over
}

// has says whether a registration is still known.
func (r *registered) has(known *registration) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.by[known.App][known.Channel] == known
}
