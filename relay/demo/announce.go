package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"buildrelay/protocol"
)

const (
	announcePause = 250 * time.Millisecond // between two events of one build
	announceLimit = 2 * time.Second        // for telling what changed
)

// announcer publishes build:updated to the watchers of the list. The events
// hold the whole state, so what changes while one is on its way, or could not be
// published, is in the next: the first and the last change are always told.
type announcer struct {
	c     Config
	store *store
	away  bool // publishing failed
}

// run publishes changes until done is closed, and then the last ones.
func (a *announcer) run(ctx context.Context, done <-chan struct{}) {
	for {
		select {
		case <-a.store.ready:
			a.publish(ctx)
		case <-done:
			a.publish(ctx)
			return
		}
		select {
		case <-time.After(announcePause):
		case <-done:
		}
	}
}

// publish publishes what has changed. It does so even if ctx has ended: how the
// last builds were stopped is told as well.
func (a *announcer) publish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceLimit)
	defer cancel()
	for builds := range slices.Chunk(a.store.takeChanged(), protocol.MaxBatch) {
		err := a.send(ctx, builds)
		if err != nil {
			a.store.retouch(builds)
		}
		a.note(err)
	}
}

func (a *announcer) send(ctx context.Context, builds []Build) error {
	events := make([]protocol.Event, len(builds))
	for i, b := range builds {
		data, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("encoding a build: %w", err)
		}
		events[i] = protocol.Event{Name: eventUpdated, Channel: listChannel, Data: string(data)}
	}
	_, err := a.c.Publisher.Publish(ctx, a.c.AppID, events)
	return err
}

// note logs when publishing stops to work, and when it works again.
func (a *announcer) note(err error) {
	switch {
	case err != nil && !a.away:
		a.c.Log.Warn("the list of builds could not be published, trying again", "error", err)
	case err == nil && a.away:
		a.c.Log.Info("the list of builds is published again")
	}
	a.away = err != nil
}
