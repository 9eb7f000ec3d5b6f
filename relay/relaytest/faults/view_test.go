package faults

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A view that finds nothing wrong is no test.
func TestViewsFindWhatUsersMayNotSee(t *testing.T) {
	t.Parallel()
	const list = `{"presence":{"count":2,"ids":["a","b"],"hash":{"a":{"of":"a"},"b":{"of":"b"}}}}`
	for name, c := range map[string]struct {
		list, joined, left string
		wrong              bool
	}{
		"all is right":            {list, `{"user_id":"c","user_info":{"of":"c"}}`, `{"user_id":"b"}`, false},
		"no list":                 {`{}`, "", "", true},
		"a list without oneself":  {`{"presence":{"count":1,"ids":["b"],"hash":{"b":{"of":"b"}}}}`, "", "", true},
		"a wrong count":           {`{"presence":{"count":2,"ids":["a"],"hash":{"a":{"of":"a"}}}}`, "", "", true},
		"a user listed twice":     {`{"presence":{"count":2,"ids":["a","a"],"hash":{"a":{"of":"a"}}}}`, "", "", true},
		"a user without info":     {`{"presence":{"count":1,"ids":["a"],"hash":{}}}`, "", "", true},
		"another's info":          {`{"presence":{"count":1,"ids":["a"],"hash":{"a":{"of":"b"}}}}`, "", "", true},
		"a second join":           {list, `{"user_id":"b","user_info":{"of":"b"}}`, "", true},
		"a join of oneself":       {list, `{"user_id":"a","user_info":{"of":"a"}}`, "", true},
		"a join with wrong info":  {list, `{"user_id":"c","user_info":{}}`, "", true},
		"a join of nobody":        {list, `{}`, "", true},
		"a leave of who was away": {list, "", `{"user_id":"c"}`, true},
		"a leave of oneself":      {list, "", `{"user_id":"a"}`, true},
	} {
		v, err := newView("a", "presence-x", c.list)
		if err == nil && c.joined != "" {
			err = v.joined(c.joined)
		}
		if err == nil && c.left != "" {
			err = v.left(c.left)
		}
		if (err != nil) != c.wrong {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiaryFindsLeavesOfWhoWasThereAllAlong(t *testing.T) {
	t.Parallel()
	now := time.Now()
	left := func(at time.Duration) []leave { return []leave{{"b", now.Add(at)}} }
	for name, c := range map[string]struct {
		leaves []leave
		wrong  bool
	}{
		"before the user came":     {left(-time.Second), false},
		"soon after the user came": {left(lag - time.Second), false},
		"while the user was there": {left(lag + time.Second), true},
		"as the user went":         {left(time.Minute - time.Second), false},
		"after the user went":      {left(time.Minute + time.Second), false},
	} {
		var d diary
		d.keep(&view{visit: visit{"b", "presence-x", now, now.Add(time.Minute)}})
		d.keep(&view{visit: visit{"a", "presence-x", now, now.Add(time.Hour)}, leaves: c.leaves})
		d.keep(&view{visit: visit{"a", "presence-y", now, now.Add(time.Hour)}, leaves: left(30 * time.Second)})
		if _, _, wrong := d.read(); (len(wrong) > 0) != c.wrong {
			t.Errorf("%s: %s", name, cmp.Diff([]string(nil), wrong))
		}
	}
}
