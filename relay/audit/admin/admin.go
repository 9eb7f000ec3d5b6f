// Package admin shows the audit trail to those who may read it: records for the page, and
// all of it to download. That somebody did is itself recorded.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

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

// Admin serves the trail to all who ask: who may do so is for what stands before it. All
// fields but Insecure, Page and Name are required.
type Admin struct {
	Store Store
	Trail Trail
	// Strict is told to the page, as is what Insecure returns: what others on the network may
	// read along. Nil returns nothing.
	Strict   bool
	Insecure func() []string
	// Page serves /audit and /audit/assets/; nil means that there is none.
	Page http.Handler
	// Address returns where a request comes from.
	Address func(*http.Request) netip.Addr
	// Name returns who sent it, "" where that is not known; nil is the same. Records then
	// have the address.
	Name func(*http.Request) string
	Now  func() time.Time
	Log  *slog.Logger

	questions questions
}

// Register adds the paths of the trail to a mux.
func (a *Admin) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /audit/records", a.records)
	mux.HandleFunc("GET /audit/export.csv", a.exportCSV)
	mux.HandleFunc("GET /audit/export.ndjson", a.exportNDJSON)
	if a.Page != nil {
		mux.Handle("GET /audit", a.Page)
		mux.Handle("GET /audit/", a.Page)
	}
}

// record is one of who did something here.
func (a *Admin) record(r *http.Request, action string, payload any) audit.Record {
	record := audit.New(a.Now(), action, payload)
	record.Actor = audit.Entity{ID: a.name(r), Type: "admin"}
	record.Target = audit.Entity{ID: "audit", Type: "trail"}
	record.Scope = audit.Entity{ID: "node", Type: "node"}
	record.Metadata = map[string]string{"ip": a.address(r)}
	return record
}

// name is who sent a request, as far as that is known.
func (a *Admin) name(r *http.Request) string {
	if a.Name != nil {
		if name := a.Name(r); name != "" {
			return audit.Clean(name)
		}
	}
	return a.address(r)
}

func (a *Admin) address(r *http.Request) string {
	if address := a.Address(r); address.IsValid() {
		return address.String()
	}
	return "unknown"
}
