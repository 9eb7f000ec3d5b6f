package trail

import (
	"context"
	"time"

	"buildrelay/relay/audit"
)

const (
	// purgeFirst is how long after its start a node purges, purgeEvery how often, and
	// purgeTime how long that may take.
	purgeFirst = time.Minute
	purgeEvery = time.Hour
	purgeTime  = 10 * time.Minute
)

// retain removes what is too old, until ctx ends.
func (t *Trail) retain(ctx context.Context) {
	if t.config.Keep <= 0 {
		return
	}
	next := time.NewTimer(purgeFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			t.purge(ctx)
			next.Reset(purgeEvery)
		}
	}
}

// purge removes what is too old once, and notes what came of it.
func (t *Trail) purge(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	purged, err := t.config.Store.Purge(ctx, time.Now().Add(-t.config.Keep))
	if purged.Count > 0 {
		t.config.Metrics.AuditPurged.Add(float64(purged.Count))
		t.Note(t.Own(audit.ActionAuditPurge, purged))
	}
	if err != nil && ctx.Err() == nil {
		t.config.Log.Error("old audit records cannot be removed", "error", err)
	}
}
