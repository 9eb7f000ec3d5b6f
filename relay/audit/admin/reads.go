package admin

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"buildrelay/relay/audit"
)

const (
	// again is for how long the same question of the same reader is one act: a page that is
	// left open asks every few seconds.
	again = 5 * time.Minute
	// maxQuestions is how many are remembered.
	maxQuestions = 1000
)

// questions are those that were recorded.
type questions struct {
	mu    sync.Mutex
	asked map[string]question
}

// question is what of the trail was asked for, and when.
type question struct {
	at     time.Time
	filter audit.Filter
}

// covers says whether f asks for records of the same time, or of less: the day of a page that
// is left open moves on. More is another question.
func (q question) covers(f audit.Filter) bool {
	since, until := q.filter.Since, q.filter.Until
	return (since.IsZero() || !f.Since.Before(since)) && (until.IsZero() || !f.Until.IsZero() && !f.Until.After(until))
}

// reads records that somebody reads, and says whether that may go on; where it may not the
// sender has been told.
func (a *Admin) reads(w http.ResponseWriter, r *http.Request, action string, f audit.Filter) bool {
	record := a.record(r, action, audit.AuditRead{Query: f.Query()})
	query, _ := json.Marshal([]any{action, record.Actor.ID, f.Action, f.Actor, f.Target}) // strings
	if action == audit.ActionAuditRead && a.questions.known(string(query), f, a.Now()) {
		return true
	}
	if err := a.Trail.Confirm(r.Context(), record); err != nil {
		http.Error(w, "the audit trail is not shown while it cannot be recorded who reads it", http.StatusServiceUnavailable)
		return false
	}
	a.questions.note(string(query), f, a.Now())
	return true
}

func (q *questions) known(query string, f audit.Filter, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked, found := q.asked[query]
	return found && now.Sub(asked.at) < again && asked.covers(f)
}

func (q *questions) note(query string, f audit.Filter, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.asked == nil || len(q.asked) >= maxQuestions {
		q.asked = make(map[string]question) // some are recorded once more
	}
	q.asked[query] = question{now, f}
}
