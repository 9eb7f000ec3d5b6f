package admin

import (
	"fmt"
	"net/http"
	"time"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

// patience is how long a reader may take for one page of a download.
const patience = time.Minute

func (a *Admin) exportCSV(w http.ResponseWriter, r *http.Request) {
	a.export(w, r, store.CSV, "text/csv; charset=utf-8; header=present")
}

func (a *Admin) exportNDJSON(w http.ResponseWriter, r *http.Request) {
	a.export(w, r, store.NDJSON, "application/x-ndjson")
}

// export answers with all records that are asked for, the oldest first. It begins with the
// first page, and lasts as long as it takes. Where it fails later it is broken off, so that
// nobody takes a part for all.
func (a *Admin) export(w http.ResponseWriter, r *http.Request, format store.Format, contentType string) {
	f, err := audit.ParseFilter(r.URL.Query().Get, a.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if f.Until.IsZero() {
		f.Until = a.Now() // else it has no end while others write
	}
	if !a.reads(w, r, audit.ActionAuditExport, f) {
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="audit-%s.%s"`, a.Now().UTC().Format("20060102T150405Z"), format))
	out := &patient{control: http.NewResponseController(w), w: w}
	switch _, err := store.Export(r.Context(), a.Store, f, format, out); {
	case err != nil && !out.begun:
		w.Header().Del("Content-Disposition")
		a.fail(w, err)
	case err != nil:
		a.Log.Warn("a download of the audit trail was broken off", "error", err)
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	}
}

// patient writes pages, each of which has its own time.
type patient struct {
	control *http.ResponseController
	w       http.ResponseWriter
	begun   bool
}

func (p *patient) Write(page []byte) (int, error) {
	p.begun = true
	_ = p.control.SetWriteDeadline(time.Now().Add(patience)) // in tests there may be none
	n, err := p.w.Write(page)
	if err == nil {
		err = p.control.Flush()
	}
	return n, err
}
