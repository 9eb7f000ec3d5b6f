// Package admin shows the audit trail to those who may read it: records for the page, and
// all of it to download. That somebody did is itself recorded.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"buildrelay/auth"
	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

// Store is where the records are; a *store.DB is one.
type Store interface {
	Page(ctx context.Context, f audit.Filter, after store.Place, n int) ([]audit.Stored, error)
	Newest(ctx context.Context, f audit.Filter, before store.Place, n int) ([]audit.Stored, error)
}

// Trail records who read; a *trail.Trail is one.
type Trail interface {
	Confirm(ctx context.Context, r audit.Record) error
	Refused(r audit.Record, reason, address string)
	State() (text string, ok bool)
}

// Admin serves the trail. All fields but Token and Page are required.
type Admin struct {
	Store Store
	Trail Trail
	// Token is what readers must have. Without one only who comes from the machine itself, by a
	// name of the machine itself, reads: Local says that nobody else can come.
	Token auth.Secret
	Local bool
	// Strict is told to the page.
	Strict bool
	// Page serves /audit and /audit/assets/; nil means that there is none.
	Page http.Handler
	// Address returns where a request comes from.
	Address func(*http.Request) netip.Addr
	Now     func() time.Time
	Log     *slog.Logger

	questions questions
}

// Register adds the paths of the trail to a mux.
func (a *Admin) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /audit/records", a.guard(a.records))
	mux.HandleFunc("GET /audit/export.csv", a.guard(a.exportCSV))
	mux.HandleFunc("GET /audit/export.ndjson", a.guard(a.exportNDJSON))
	if a.Page != nil {
		mux.HandleFunc("GET /audit", a.guard(a.Page.ServeHTTP))
		mux.HandleFunc("GET /audit/", a.guard(a.Page.ServeHTTP))
	}
}

// record is one of who did something here.
func (a *Admin) record(r *http.Request, action string, payload any) audit.Record {
	record := audit.New(a.Now(), action, payload)
	record.Actor = audit.Entity{ID: a.address(r), Type: "admin"}
	record.Target = audit.Entity{ID: "audit", Type: "trail"}
	record.Scope = audit.Entity{ID: "node", Type: "node"}
	record.Metadata = map[string]string{"ip": a.address(r)}
	return record
}

func (a *Admin) address(r *http.Request) string {
	if address := a.Address(r); address.IsValid() {
		return address.String()
	}
	return "unknown"
}
