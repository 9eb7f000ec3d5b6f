package api

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"buildrelay/protocol"
)

const (
	defaultEntries = 100
	maxEntries     = 500 // as many as one read of a log gives
	// maxWait is how long a call may wait for something to come.
	maxWait = 20 * time.Second
)

// historyQuery says which page of a history is wanted.
type historyQuery struct {
	// start is where a page forwards starts.
	start protocol.Start
	// before is where a page backwards ends; nil for a page forwards.
	before *place
	limit  int
	wait   time.Duration
}

// place is an entry, or the end of the log.
type place struct {
	end bool
	at  protocol.Position // without an epoch where only the id was given
}

func parseHistoryQuery(q url.Values) (historyQuery, error) {
	parsed := historyQuery{start: protocol.Start{Kind: protocol.StartFirst}, limit: defaultEntries}
	for name, read := range map[string]func(string) error{
		"since": parsed.readSince, "before": parsed.readBefore, "limit": parsed.readLimit, "wait": parsed.readWait,
	} {
		if len(q[name]) > 1 {
			return parsed, badRequest("%s must be given once, not %d times", name, len(q[name]))
		}
		if len(q[name]) == 1 {
			if err := read(q[name][0]); err != nil {
				return parsed, err
			}
		}
	}
	switch {
	case parsed.before != nil && q.Has("since"):
		return parsed, badRequest("give either since, to read forwards, or before, to read backwards, not both")
	case parsed.before != nil && q.Has("wait"):
		return parsed, badRequest("wait goes with since, not with before: nothing new comes before an entry")
	}
	return parsed, nil
}

func (q *historyQuery) readSince(s string) error {
	at, err := protocol.ParsePosition(s)
	if err != nil {
		return badRequest("since must be a position that the relay gave out, such as 5f3a9c0d7e21b846:12-345678901")
	}
	q.start = protocol.Start{Kind: protocol.StartSince, Since: at}
	return nil
}

func (q *historyQuery) readBefore(s string) (err error) {
	b := place{end: s == "end"}
	switch {
	case b.end:
	case strings.Contains(s, ":"):
		b.at, err = protocol.ParsePosition(s)
	default:
		b.at.ID, err = protocol.ParseID(s)
	}
	if err != nil || !b.end && b.at.ID.Offset == 0 {
		return badRequest("before must be the id of an entry, such as 12-345678901, its position, or end")
	}
	q.before = &b
	return nil
}

func (q *historyQuery) readLimit(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n < 1 || n > maxEntries {
		return badRequest("limit must be a whole number from 1 to %d", maxEntries)
	}
	q.limit = int(n)
	return nil
}

func (q *historyQuery) readWait(s string) (err error) {
	if q.wait, err = time.ParseDuration(s); err != nil || q.wait < 0 || q.wait > maxWait {
		return badRequest("wait must be a time from 0s to %s, such as 10s", maxWait)
	}
	return nil
}

// readSwitch reads a parameter that is 1 or 0, and 0 where it is not given.
func readSwitch(q url.Values, name string) (bool, error) {
	switch values := q[name]; {
	case len(values) == 0:
		return false, nil
	case len(values) > 1 || values[0] != "0" && values[0] != "1":
		return false, badRequest("%s must be 1 or 0, given once", name)
	default:
		return values[0] == "1", nil
	}
}
