package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// tally is what some clients were told, all of them together.
type tally struct {
	frames     atomic.Int64
	events     atomic.Int64 // that were published
	subscribed atomic.Int64
	counts     atomic.Int64 // of subscriptions
	signedIn   atomic.Int64
	pongs      atomic.Int64
	// members is how many members the clients know of, each of its channels: those that
	// were listed, and those who came less those who went.
	members, removed atomic.Int64
	online, offline  atomic.Int64 // users who were said to be
	// first and last are when a member was first said to have gone, and when a frame came
	// last, in nanoseconds since 1970.
	first, last atomic.Int64
	// failed is what must not happen.
	failed atomic.Pointer[error]
}

// fail notes the first thing that must not happen.
func (t *tally) fail(err error) { t.failed.CompareAndSwap(nil, &err) }

// lastAt is when a frame came last.
func (t *tally) lastAt() time.Time { return time.Unix(0, t.last.Load()) }

// take takes a frame that begins so.
func (t *tally) take(head []byte) error {
	now := time.Now().UnixNano()
	switch event := eventIn(head); string(event) {
	case "pusher_internal:subscription_succeeded":
		t.subscribed.Add(1)
		t.members.Add(countIn(head))
	case "pusher_internal:member_added":
		t.members.Add(1)
	case "pusher_internal:member_removed":
		t.members.Add(-1)
		t.removed.Add(1)
		t.first.CompareAndSwap(0, now)
	case "pusher_internal:subscription_count":
		t.counts.Add(1)
	case "pusher:signin_success":
		t.signedIn.Add(1)
	case "pusher:pong":
		t.pongs.Add(1)
	case "pusher_internal:watchlist_events":
		on, off, err := presentIn(head)
		if err != nil {
			return err
		}
		t.online.Add(on)
		t.offline.Add(off)
	case eventName:
		t.events.Add(1)
	default:
		return fmt.Errorf("unexpected: %s", head)
	}
	t.frames.Add(1)
	t.last.Store(now)
	return nil
}

// countIn returns how many members a success lists, 0 where it lists none.
func countIn(head []byte) (n int64) {
	_, rest, _ := bytes.Cut(head, []byte(`{\"presence\":{\"count\":`))
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// presentIn returns how many users are said to be online, and how many not to be.
func presentIn(frame []byte) (on, off int64, err error) {
	var outer struct {
		Data string `json:"data"`
	}
	var inner struct {
		Events []struct {
			Name  string   `json:"name"`
			Users []string `json:"user_ids"`
		} `json:"events"`
	}
	if err := errors.Join(json.Unmarshal(frame, &outer), json.Unmarshal([]byte(outer.Data), &inner)); err != nil {
		return 0, 0, fmt.Errorf("reading %s: %w", frame, err)
	}
	for _, group := range inner.Events {
		if group.Name == "online" {
			on += int64(len(group.Users))
		} else {
			off += int64(len(group.Users))
		}
	}
	return on, off, nil
}

// What a crew is waited for.

func subscribed(t *tally) int64 { return t.subscribed.Load() }
func members(t *tally) int64    { return t.members.Load() }
func removed(t *tally) int64    { return t.removed.Load() }
func counts(t *tally) int64     { return t.counts.Load() }
func signedIn(t *tally) int64   { return t.signedIn.Load() }
func online(t *tally) int64     { return t.online.Load() }
func offline(t *tally) int64    { return t.offline.Load() }
func events(t *tally) int64     { return t.events.Load() }
func pongs(t *tally) int64      { return t.pongs.Load() }
