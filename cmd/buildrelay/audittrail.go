package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"time"

	"buildrelay/relay"
	"buildrelay/relay/api"
	"buildrelay/relay/audit"
	"buildrelay/relay/audit/admin"
	"buildrelay/relay/audit/inbox"
	"buildrelay/relay/audit/outlet"
	"buildrelay/relay/audit/store"
	"buildrelay/relay/audit/trail"
	"buildrelay/relay/metrics"
	"buildrelay/relay/redisconn"
	"buildrelay/relay/server"
	"buildrelay/web"
)

// auditTrail keeps the node's audit trail. A nil auditTrail is that of a node that keeps none.
type auditTrail struct {
	db      *store.DB
	trail   *trail.Trail
	inbox   *inbox.Inbox
	outlets *outlet.Outlets
	jobs    audit.Jobs
	log     *slog.Logger
}

func newAuditTrail(c Config, redis *redisconn.Servers, m *metrics.Metrics, log *slog.Logger) (*auditTrail, error) {
	if !c.audited() {
		log.Info("no audit trail is kept", "audit", string(c.Audit), "data_dir", c.DataDir)
		return nil, nil
	}
	if err := c.makeDataDir(); err != nil {
		return nil, err
	}
	key, err := c.auditKey(true)
	if err != nil {
		return nil, err
	}
	chain, err := c.auditNode()
	if err != nil {
		return nil, err
	}
	a := &auditTrail{log: log}
	if a.db, err = store.Open(c.auditDatabase(), key); err != nil {
		return nil, wrong("AUDIT_DATABASE", err)
	}
	targets, err := outlet.Parse(string(c.AuditOutlets))
	if err != nil {
		return nil, wrong("AUDIT_OUTLETS", err)
	}
	if a.jobs, err = audit.ParseJobs(c.AuditJobs); err != nil {
		return nil, wrong("AUDIT_JOBS", err)
	}
	a.outlets = outlet.New(outlet.Config{
		Source: a.db, Chain: chain, Targets: targets, Stdout: os.Stdout, Key: key, Metrics: m, Log: log,
	})
	a.trail = trail.New(trail.Config{
		Store: a.db, Chain: chain, Key: key, Strict: c.Audit == "strict", Keep: c.AuditKeep,
		Spool: c.auditFile("audit.spool"), SpoolBytes: int64(c.AuditSpool), Heads: c.auditFile("audit.heads"),
		Changed: func(audit.Head) { a.outlets.Wake() }, Metrics: m, Log: log,
	})
	a.inbox = inbox.New(inbox.Config{Redis: redis, Prefix: c.RedisPrefix, Sink: a.trail, Metrics: m, Log: log})
	return a, nil
}

// start starts the parts that record, and go on doing so until everything else has ended.
func (a *auditTrail) start(ctx context.Context, running *parts) {
	if a == nil {
		return
	}
	sending, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	running.run("audit trail", func() { defer stopSending(); a.trail.Run(ctx) })
	running.run("audit outlets", func() { a.outlets.Run(sending) }) // the last commit, too
}

// listen takes what backends report, until ctx ends.
func (a *auditTrail) listen(ctx context.Context) {
	if a != nil {
		a.inbox.Run(ctx)
	}
}

// close is the last that happens to it.
func (a *auditTrail) close() {
	if a == nil {
		return
	}
	if err := a.db.Close(); err != nil {
		a.log.Warn("closing the database of the audit trail failed", "error", err)
	}
}

// auditor is who records; nil where nobody does.
func (a *auditTrail) auditor() relay.Auditor {
	if a == nil {
		return nil
	}
	return a.trail
}

// reports is who keeps what backends report; nil where nobody does.
func (a *auditTrail) reports() api.Reports {
	if a == nil {
		return nil
	}
	return a.trail
}

// rules say which events are recorded as what a job does.
func (a *auditTrail) rules() audit.Jobs {
	if a == nil {
		return nil
	}
	return a.jobs
}

// name is that of the node in the trail.
func (a *auditTrail) name() string {
	if a == nil {
		return ""
	}
	return a.trail.Chain()
}

// note records what the node itself did.
func (a *auditTrail) note(action string, payload any) { a.noteOutcome(action, payload, true) }

// noteOutcome records what the node itself did, or tried to.
func (a *auditTrail) noteOutcome(action string, payload any, success bool) {
	if a == nil {
		return
	}
	r := a.trail.Own(action, payload)
	r.Success = success
	a.trail.Note(r)
}

// show adds the trail's paths to the listener for operators, whose page tells what is not
// secure. It returns who records what happens there; nil where nobody does.
func (a *auditTrail) show(mux *http.ServeMux, c Config, insecure func() []string) (*admin.Admin, error) {
	if a == nil {
		return nil, nil
	}
	page, err := web.Audit()
	if err != nil {
		return nil, err
	}
	shown := &admin.Admin{
		Store: a.db, Trail: a.trail, Strict: c.Audit == "strict", Insecure: insecure,
		Page: page, Address: c.clientAddress(), Name: server.Operator, Now: time.Now, Log: a.log,
	}
	shown.Register(mux)
	return shown, nil
}
