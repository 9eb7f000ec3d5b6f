package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"buildrelay/protocol"
)

// maskBook is how far a node knows what apps have registered.
type maskBook struct {
	// again makes the node compare with Redis at once.
	again chan struct{}

	mu sync.Mutex
	// versions are the newest that were read or heard, of the apps that were read.
	versions map[string]int64
	// heard counts what was heard of each app.
	heard map[string]uint64
	// stale are the apps to be read again though their version is the same.
	stale map[string]bool
	// changed is closed, and replaced, when apps were read.
	changed chan struct{}
}

func newMaskBook() *maskBook {
	return &maskBook{
		again: make(chan struct{}, 1), versions: make(map[string]int64), heard: make(map[string]uint64),
		stale: make(map[string]bool), changed: make(chan struct{}),
	}
}

// knows says whether an app was read.
func (k *maskBook) knows(appID string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.versions[appID]
	return ok
}

// await waits until an app was read.
func (k *maskBook) await(ctx context.Context, appID string) error {
	for {
		k.mu.Lock()
		_, ok := k.versions[appID]
		changed := k.changed
		k.mu.Unlock()
		if ok {
			return nil
		}
		k.compare()
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", protocol.ErrMasksUnread, ctx.Err())
		}
	}
}

// compare makes the node compare with Redis soon.
func (k *maskBook) compare() {
	select {
	case k.again <- struct{}{}:
	default:
	}
}

// hear notes a version that was told.
func (k *maskBook) hear(appID string, version int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if known, ok := k.versions[appID]; ok {
		k.versions[appID] = max(known, version)
		k.heard[appID]++
	}
}

// differs says whether an app is to be read, as Redis has another version than is known, 0 for
// none. heard is to be given to read.
func (k *maskBook) differs(appID string, version int64) (known int64, heard uint64, differs bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.versions[appID]
	return known, k.heard[appID], !ok || known != version || k.stale[appID]
}

// read notes that an app was read, up to a version, unless something newer was heard meanwhile.
func (k *maskBook) read(appID string, version int64, heard uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.heard[appID] != heard {
		version = max(version, k.versions[appID])
	}
	k.versions[appID] = version
	delete(k.stale, appID)
	close(k.changed)
	k.changed = make(chan struct{})
}

// keep forgets all other apps.
func (k *maskBook) keep(apps []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.versions) <= len(apps) {
		return
	}
	versions, heard := make(map[string]int64, len(apps)), make(map[string]uint64)
	for _, id := range apps {
		if version, ok := k.versions[id]; ok {
			versions[id], heard[id] = version, k.heard[id]
		}
	}
	k.versions, k.heard = versions, heard
}

// reset makes all apps be read again. Until then what is known counts.
func (k *maskBook) reset() {
	k.mu.Lock()
	for id := range k.versions {
		k.stale[id] = true
	}
	k.mu.Unlock()
	k.compare()
}

// rest waits, or until somebody wants to know more. After a failure it always takes its time.
func (k *maskBook) rest(ctx context.Context, d time.Duration, failed bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	again := k.again
	if failed {
		again = nil
	}
	select {
	case <-timer.C:
	case <-again:
	case <-ctx.Done():
	}
}
