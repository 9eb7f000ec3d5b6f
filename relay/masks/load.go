package masks

import (
	"maps"
	"sync"
	"time"
)

// clocksDiffer is how long before its end a registration may have ended for Redis.
const clocksDiffer = time.Minute

// load takes what read returns of an app. What is known stays unless that is newer: nobody took it
// back. lost says that there is some, which is still needed, of which read has nothing.
func (r *registered) load(appID string, read func() ([]Stored, error)) (over []*registration, lost bool, err error) {
	r.mu.RLock()
	before := maps.Clone(r.by[appID])
	r.mu.RUnlock()
	all, err := read()
	if err != nil {
		return nil, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range all {
		if s.App != appID {
			continue
		}
		over = append(over, r.take(s)...)
		if known := r.by[appID][s.Channel]; known != nil {
			known.failed.Store(0) // the keys may be others
		}
		if known := before[s.Channel]; known != nil && known.Version <= s.Version {
			delete(before, s.Channel)
		}
	}
	return over, r.needed(before), nil
}

// needed says whether one of some registrations still counts, and does for a while.
func (r *registered) needed(some map[string]*registration) bool {
	soon := r.now().Add(clocksDiffer)
	for channel, known := range some {
		if r.by[known.App][channel] == known && known.at(soon) != nil {
			return true
		}
	}
	return false
}

// losses are the apps of which it was told that Redis lost something. It is safe for concurrent
// use.
type losses struct {
	mu sync.Mutex
	of map[string]bool
}

// note notes whether Redis lost something of an app, and says whether that is new.
func (l *losses) note(appID string, lost bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.of[appID]
	delete(l.of, appID)
	if lost {
		l.of[appID] = true
	}
	return lost && !was
}
