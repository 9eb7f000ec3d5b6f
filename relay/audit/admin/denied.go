package admin

import (
	"net/http"

	"buildrelay/relay/audit"
)

// Denied records a request to the listener for operators that was refused, and why, by a word
// from a fixed list. Browsers ask for a password only where they are told to, so that the first
// request of each is recorded, too.
func (a *Admin) Denied(r *http.Request, reason string) {
	record := a.record(r, audit.ActionAdminDenied, audit.AdminDenied{Path: audit.Clean(r.URL.Path), Reason: reason})
	record.Success = false
	a.Trail.Refused(record, reason, a.address(r))
}
