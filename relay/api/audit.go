package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// Reports is where the records go that backends report. *trail.Trail is one.
type Reports interface {
	// Keep returns nil once all of the records are where they outlive a crash. After an error
	// any of them may be. Records whose ids it has are no records to it.
	Keep(ctx context.Context, records []audit.Record) error
}

// mostReports is how many records a call may report.
const mostReports = 100

// postAudit keeps what a backend reports: a record, or {"records":[…]}. All are kept or, where
// one of them is refused, none.
func (a *API) postAudit(ctx context.Context, c *call) (reply, error) {
	if a.Reports == nil {
		return nil, &failure{status: http.StatusNotFound, message: "no audit trail is kept"}
	}
	if err := c.signer.CheckUnlimited(auth.RightPublish, "report to the audit trail"); err != nil {
		return nil, err
	}
	reports, named, err := readReports(c.body)
	if err != nil {
		return nil, a.refuseReports(c, 1, err)
	}
	if err := a.allow(c.app, publishes, len(reports)); err != nil {
		return nil, err
	}
	records := make([]audit.Record, len(reports))
	ids := make([]string, len(reports))
	for i, report := range reports {
		if records[i], err = a.readReport(c, i, report); err != nil {
			if named {
				err = badRequest("record %d: %s", i, err)
			}
			return nil, a.refuseReports(c, len(reports), err)
		}
		ids[i] = records[i].ID
	}
	if err := a.Reports.Keep(ctx, records); err != nil {
		return nil, unavailable("audit: the records could not be kept", err)
	}
	a.Metrics.AuditReports.WithLabelValues("http", "kept").Add(float64(len(records)))
	return map[string][]string{"ids": ids}, nil
}

// readReports takes the body of POST audit apart. named says that it was a list, whose records
// have numbers.
func readReports(body []byte) (reports []json.RawMessage, named bool, err error) {
	v, extra, err := protocol.ReadObject(body, "records")
	if err != nil {
		return nil, false, badRequest(`the body must be a record, or {"records":[…]}: %s`, err)
	}
	if v[0] == nil {
		return []json.RawMessage{body}, false, nil
	}
	if len(extra) > 0 {
		return nil, false, badRequest("beside records there must be nothing in the body")
	}
	if err := json.Unmarshal(v[0], &reports); err != nil {
		return nil, false, badRequest("records must be a list of records")
	}
	if len(reports) == 0 || len(reports) > mostReports {
		return nil, false, badRequest("records must hold 1 to %d records, not %d", mostReports, len(reports))
	}
	return reports, true, nil
}

// readReport reads a record of a call, and fills in what the call knows. Where a call with an
// Idempotency-Key comes again its records have the ids that they had.
func (a *API) readReport(c *call, index int, report []byte) (audit.Record, error) {
	id := audit.NewID()
	if c.key != "" {
		id = audit.NameID("call", c.app.ID, c.key, c.digest(), strconv.Itoa(index))
	}
	r, err := audit.ParseReportAs(id, report, a.Now())
	if err != nil {
		return audit.Record{}, badRequest("%s", err)
	}
	switch own := relay.ScopeOf(c.app.ID); {
	case r.Scope == (audit.Entity{}):
		r.Scope = own
	case r.Scope.Type == own.Type && r.Scope.ID != own.ID:
		return audit.Record{}, badRequest("scope: must not be another app than %s", own.ID)
	}
	if r.Request.ID == r.ID { // it named none
		r.Request.ID = requestID(c.header.Get("X-Request-Id"))
	}
	return r, nil
}

// refuseReports records that so many records were refused for what err says, and returns it.
func (a *API) refuseReports(c *call, n int, err error) error {
	a.Metrics.AuditReports.WithLabelValues("http", "refused").Add(float64(n))
	if a.Auditor != nil {
		r := a.record(c.who, c.app.ID, audit.ActionAuditRefuse, audit.Entity{ID: "audit", Type: "trail"},
			audit.AuditRefuse{Reason: audit.Clean(err.Error()), Bytes: len(c.body), Count: 1})
		r.Success = false
		a.Auditor.Refused(r, "report", relay.Facts{Address: c.who.address}.IP())
	}
	return err
}
