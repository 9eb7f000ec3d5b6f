package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// visit is the time for which a tab was on a channel, as the tab knows it: a user has
// left at the earliest when it has ended.
type visit struct {
	user, channel string
	begun, ended  time.Time
}

// view is what a tab sees of a channel during a visit.
type view struct {
	visit  visit
	there  map[string]bool
	told   int
	leaves []leave
}

// leave is that a user was said to have left.
type leave struct {
	user string
	at   time.Time
}

// newView reads the list that a subscription begins with.
func newView(user, channel, data string) (*view, error) {
	v := &view{visit: visit{user: user, channel: channel, begun: time.Now()}, there: make(map[string]bool)}
	var list struct {
		Presence struct {
			Count int             `json:"count"`
			IDs   []string        `json:"ids"`
			Hash  map[string]info `json:"hash"`
		} `json:"presence"`
	}
	if err := json.Unmarshal([]byte(data), &list); err != nil {
		return v, fmt.Errorf("it is no list: %w", err)
	}
	for _, id := range list.Presence.IDs {
		v.there[id] = true
		if list.Presence.Hash[id].Of != id {
			return v, fmt.Errorf("the info of %s is wrong", id)
		}
	}
	switch p := list.Presence; {
	case !v.there[user]:
		return v, errors.New("it lacks who joined")
	case p.Count != len(p.IDs) || p.Count != len(p.Hash) || p.Count != len(v.there):
		return v, fmt.Errorf("it counts %d, lists %d and has the info of %d", p.Count, len(p.IDs), len(p.Hash))
	}
	return v, nil
}

// info is the user_info of a tab's user.
type info struct {
	Of string `json:"of"`
}

func (v *view) joined(data string) error {
	user, err := userOf(data)
	switch {
	case err != nil:
		return err
	case v.there[user]:
		return errors.New("the user was there")
	}
	v.told++
	v.there[user] = true
	return nil
}

func (v *view) left(data string) error {
	user, err := userOf(data)
	switch {
	case err != nil:
		return err
	case !v.there[user]:
		return errors.New("the user was not there")
	case user == v.visit.user:
		return errors.New("that is the tab's own user")
	}
	v.told++
	delete(v.there, user)
	v.leaves = append(v.leaves, leave{user, time.Now()})
	return nil
}

func (v *view) copy() map[string]bool { return maps.Clone(v.there) }

// diary is what is known of all visits. It is safe for concurrent use.
type diary struct {
	mu    sync.Mutex
	views []*view
	let   int
	wrote []string // what was wrong
}

func (d *diary) wrong(format string, values ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrote = append(d.wrote, fmt.Errorf(format, values...).Error())
}

// letIn counts a visit.
func (d *diary) letIn() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.let++
}

// keep is given each view when its visit has ended.
func (d *diary) keep(v *view) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.views = append(d.views, v)
}

// lag is how long after a user's return it may still be told that the user had left, and
// early how long before the user notices that a relay has closed the connection.
const (
	lag   = 8 * time.Second
	early = 3 * time.Second
)

// read returns what the diary says when all has ended.
func (d *diary) read() (visits, told int, wrong []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	type whereabouts struct{ user, channel string }
	visitsOf := make(map[whereabouts][]visit)
	for _, v := range d.views {
		told += v.told
		at := whereabouts{v.visit.user, v.visit.channel}
		visitsOf[at] = append(visitsOf[at], v.visit)
	}
	for _, v := range d.views {
		for _, l := range v.leaves {
			was := func(other visit) bool {
				return other.begun.Before(l.at.Add(-lag)) && other.ended.After(l.at.Add(early))
			}
			if slices.ContainsFunc(visitsOf[whereabouts{l.user, v.visit.channel}], was) {
				d.wrote = append(d.wrote, fmt.Sprintf("%s on %s was told that %s had left, who was there all along",
					v.visit.user, v.visit.channel, l.user))
			}
		}
	}
	return d.let, told, d.wrote
}
