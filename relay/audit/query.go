package audit

import (
	"fmt"
	"strings"
	"time"
)

// The names of a filter's parts, in queries and on command lines.
const (
	querySince  = "since"
	queryUntil  = "until"
	queryAction = "action"
	queryActor  = "actor"
	queryTarget = "target"
)

// maxQuery is how long a part of a filter may be, in bytes.
const maxQuery = 512

// ParseFilter reads the parts of a filter: since and until, action, actor and target, as get
// has them by name. A part that is empty is not there. The error names the part, and what it
// may be.
func ParseFilter(get func(name string) string, now time.Time) (Filter, error) {
	f := Filter{Actor: get(queryActor), Target: get(queryTarget)}
	var err error
	if f.Since, err = parseTime(querySince, get(querySince), now); err != nil {
		return Filter{}, err
	}
	if f.Until, err = parseTime(queryUntil, get(queryUntil), now); err != nil {
		return Filter{}, err
	}
	for name, text := range map[string]string{queryActor: f.Actor, queryTarget: f.Target} {
		if len(text) > maxQuery {
			return Filter{}, fmt.Errorf("%s: it may have %d bytes at most", name, maxQuery)
		}
	}
	f.Action = get(queryAction)
	some, found := strings.CutSuffix(f.Action, ".*")
	if found {
		some += ".any"
	}
	if f.Action != "" && !isAction(some) {
		return Filter{}, fmt.Errorf("%s: %.80q is no action such as relay.audit.read, and no beginning of some such as relay.audit.*", queryAction, f.Action)
	}
	return f, nil
}

// parseTime reads a time, a day, or how long ago that is.
func parseTime(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%s: %.80q is no time such as 2026-01-31T12:00:00Z, no day such as 2026-01-31, and not how long ago that is, such as 36h", name, text)
}

// Query is the filter as a record tells it: what is not asked for is left out.
func (f Filter) Query() map[string]string {
	query := make(map[string]string)
	for name, text := range map[string]string{queryAction: f.Action, queryActor: f.Actor, queryTarget: f.Target} {
		if text != "" {
			query[name] = Clean(text)
		}
	}
	for name, t := range map[string]time.Time{querySince: f.Since, queryUntil: f.Until} {
		if !t.IsZero() {
			query[name] = t.UTC().Format(time.RFC3339Nano)
		}
	}
	return query
}
