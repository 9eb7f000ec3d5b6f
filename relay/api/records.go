package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"buildrelay/auth"
	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// caller is who makes a call, for records; nil where none are kept.
type caller struct {
	key     string // as the call names it
	address netip.Addr
	request string // the id that the record has of the call
}

// caller is who sent a request with these parameters, authentic or not.
func (a *API) caller(r *http.Request, query url.Values) *caller {
	if a.Auditor == nil {
		return nil
	}
	return &caller{
		key: audit.Clean(query.Get("auth_key")), address: a.address(r), request: requestID(r.Header.Get("X-Request-Id")),
	}
}

// mostRequestID is how long the id of a request may be that a proxy gave.
const mostRequestID = 64

// requestID is the id that a proxy gave to a request, or a new one.
func requestID(given string) string {
	const safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	if given == "" || len(given) > mostRequestID || strings.Trim(given, safe) != "" {
		return audit.NewID()
	}
	return given
}

// record begins a record of what the caller does to target.
func (a *API) record(who *caller, app string, action string, target audit.Entity, payload any) audit.Record {
	r := audit.New(a.Now(), action, payload)
	f := relay.Facts{Address: who.address}
	r.Actor = audit.Entity{ID: who.key, Type: "key"}
	if who.key == "" {
		r.Actor = audit.Entity{ID: f.IP(), Type: "address"}
	}
	if app != "" {
		r.Scope = relay.ScopeOf(app)
	}
	r.Target, r.Metadata, r.Request.ID = target, f.Metadata(), who.request
	return r
}

// noteDenied notes a call that was not authentic, or too much, where it would have published,
// ended somebody's connections, or revoked something.
func (a *API) noteDenied(r *http.Request, t target, err error) {
	cause := causeOf(err)
	if a.Auditor == nil || cause == "" {
		return
	}
	query, _ := url.ParseQuery(r.URL.RawQuery) // as far as it can be read
	who := a.caller(r, query)
	status, _ := statusOf(err)
	appID := audit.Clean(t.appID)
	if app := a.app(t, r); app != nil {
		appID = app.ID
	}
	var record audit.Record
	switch {
	case t.publishes():
		payload := audit.PublishDeny{Key: who.key, Status: status, Reason: cause, Bytes: max(r.ContentLength, 0), Count: 1}
		record = a.record(who, appID, audit.ActionPublishDeny, relay.ScopeOf(appID), payload)
	case t.path == terminate:
		record = a.termination(who, appID, t.name)
		record.Metadata["reason"] = cause
	case t.path == revocations:
		record = a.revocation(who, relay.Revocation{App: appID}) // the body was not read, or is nobody's
		record.Metadata["reason"] = cause
	default:
		return
	}
	record.Success = false
	a.Auditor.Refused(record, cause, relay.Facts{Address: who.address}.IP())
}

// causeOf says why a call was refused; "" where that is no matter of who may do what.
func causeOf(err error) string {
	var refused *auth.RequestError
	if errors.As(err, &refused) {
		return refused.Cause
	}
	var failed *failure
	errors.As(err, &failed)
	switch status, _ := statusOf(err); {
	case status == http.StatusRequestEntityTooLarge:
		return "too large"
	case failed != nil:
		return failed.cause
	default:
		return ""
	}
}

// termination is the record of a user's connections being ended.
func (a *API) termination(who *caller, appID, userID string) audit.Record {
	id := audit.Clean(userID)
	return a.record(who, appID, audit.ActionUserTerminate, audit.Entity{ID: id, Type: "user"}, audit.Terminate{User: id})
}

// confirm keeps the record of what a call is about to do. After an error it must not be done.
func (a *API) confirm(ctx context.Context, r audit.Record) error {
	if err := a.Auditor.Confirm(ctx, r); err != nil {
		refused := &failure{
			status: http.StatusServiceUnavailable, message: "audit: the call could not be recorded, so nothing was done; try again",
		}
		return fmt.Errorf("%w: %w", refused, err)
	}
	return nil
}
