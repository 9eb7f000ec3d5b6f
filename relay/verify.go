package relay

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"buildrelay/protocol"
)

const (
	// compareEvery is how often the log channels are compared with their logs: so soon
	// is a loss found even when nothing more is published.
	compareEvery = 2 * time.Second
	// compareAgain is how soon it is tried again when that failed.
	compareAgain = 250 * time.Millisecond
	// compareBatch is how many logs are asked for at a time.
	compareBatch = 500
	// onItsWay is how long something that was published may take to the node.
	onItsWay = 20 * time.Millisecond
	// compareTimeout is how long one question may take.
	compareTimeout = 2500 * time.Millisecond
)

// verify compares feeds with logs until ctx ends.
func (h *Hub) verify(ctx context.Context) {
	timer := time.NewTimer(compareEvery)
	defer timer.Stop()
	for {
		var due []*channel
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			due = slices.DeleteFunc(h.logChannels(), func(ch *channel) bool { return ch.subscriptions() == 0 })
			timer.Reset(compareEvery*9/10 + rand.N(compareEvery/5))
		case <-h.suspects.wake:
			due = h.suspects.take()
		}
		for batch := range slices.Chunk(due, compareBatch) {
			if !h.compare(ctx, batch) {
				timer.Reset(compareAgain)
			}
		}
	}
}

// compare compares channels with their logs, those that differ twice: what they miss may
// be on its way. It says whether Redis answered for all.
func (h *Hub) compare(ctx context.Context, channels []*channel) bool {
	differ, ok := h.compareOnce(ctx, channels, false)
	if len(differ) == 0 {
		return ok
	}
	select {
	case <-time.After(onItsWay):
	case <-ctx.Done():
		return false
	}
	differ, again := h.compareOnce(ctx, differ, true)
	for _, ch := range differ {
		h.pages.forget(ch)
		h.metrics.LogMissed.Inc()
	}
	return ok && again
}

// compareOnce asks where the logs of some channels end, and returns the channels whose
// feeds end elsewhere.
func (h *Hub) compareOnce(ctx context.Context, channels []*channel, sure bool) (differ []*channel, ok bool) {
	names := make([]protocol.ChannelName, len(channels))
	asked := make([]comparison, len(channels))
	for i, ch := range channels {
		names[i] = protocol.ChannelName{App: ch.key.app, Channel: ch.key.name}
		asked[i] = ch.ask()
	}
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	tops, err := h.config.Log.LogTops(ctx, names)
	for i, top := range tops {
		if ch := channels[i]; !top.Unread && ch.compare(top, asked[i], sure) {
			differ = append(differ, ch)
		}
	}
	h.Flush()
	return differ, err == nil
}

// logChannels returns the log channels.
func (h *Hub) logChannels() []*channel {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Values(h.logs))
}

// Ready returns an error while log channels could not be compared for too long.
func (h *Hub) Ready() error {
	if n := h.staleLogs.Load(); n > 0 {
		return fmt.Errorf("%d log channels could not be compared with their logs for %s", n, staleAfter)
	}
	return nil
}

// ageLogs tells the readers of log channels that were not compared for too long.
func (h *Hub) ageLogs(now time.Time) {
	stale := 0
	for _, ch := range h.logChannels() {
		if ch.age(now) {
			stale++
		}
	}
	h.metrics.LogStale.Set(float64(stale))
	h.staleLogs.Store(int64(stale))
	h.Flush()
}
