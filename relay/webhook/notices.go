package webhook

import (
	"log/slog"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
)

// noticeEvery is the pause between two lines of the log about the same of a target.
const noticeEvery = time.Minute

// notices is what the log, and the records, say about a target; its host alone, since the
// rest of its URL may be secret.
type notices struct {
	log     *slog.Logger
	auditor Auditor // nil where no records are kept
	app     string
	host    string

	refused     bool
	broken      time.Time
	given       int // events given up that the log does not know of
	attempts    int // the most that were made to tell one of them
	givenNotice time.Time
	last        string // why the last request failed
}

func newNotices(log *slog.Logger, auditor Auditor, key targetKey) notices {
	host := ""
	if u, err := auth.ParseWebhookURL(key.url); err == nil {
		host = u.Hostname()
	}
	return notices{log: log.With("app", key.app, "host", host), auditor: auditor, app: key.app, host: host}
}

// fail notes why a request failed.
func (n *notices) fail(err error) { n.last = reason(err) }

// refuse says, once, that the target may not be reached.
func (n *notices) refuse() {
	if !n.refused {
		n.log.Warn("webhooks may not go to this target", "reason", n.last)
	}
	n.refused = true
}

// breaks says that the target takes nothing.
func (n *notices) breaks(now time.Time) {
	if now.Sub(n.broken) >= noticeEvery {
		n.broken = now
		n.log.Warn("a webhook's target takes nothing, trying again", "reason", n.last)
	}
}

// give says how many events were given up.
func (n *notices) give(now time.Time, events int) {
	n.given += events
	if now.Sub(n.givenNotice) >= noticeEvery {
		n.tellGiven(now)
	}
}

// tellGiven says how many events were given up since that was said last, if any.
func (n *notices) tellGiven(now time.Time) {
	if n.given == 0 {
		return
	}
	n.log.Warn("events of a webhook were given up", "events", n.given, "reason", n.last)
	n.note(now)
	n.given, n.attempts, n.givenNotice = 0, 0, now
}

// note makes a record of it.
func (n *notices) note(now time.Time) {
	if n.auditor == nil {
		return
	}
	host := audit.Clean(n.host)
	r := audit.New(now, audit.ActionWebhookFail, audit.WebhookFail{
		Host: host, Attempts: n.attempts, Events: n.given, Reason: audit.Clean(n.last),
	})
	r.Scope = audit.Entity{ID: n.app, Type: "app"}
	r.Target = audit.Entity{ID: host, Type: "webhook", Name: host}
	r.Success = false
	n.auditor.Note(r)
}
