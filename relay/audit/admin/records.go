package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"buildrelay/relay/audit"
	"buildrelay/relay/audit/store"
)

const (
	fewRecords  = 100
	mostRecords = 500
)

// page is some records, the newest first, as the page reads them.
type page struct {
	Records []row  `json:"records"`
	Before  string `json:"before"` // what to ask for next; empty when these were the last
	State   state  `json:"state"`
	Strict  bool   `json:"strict"`
	// Insecure is what others on the network may read along.
	Insecure []string `json:"insecure,omitempty"`
}

// row is a record, and where it stands.
type row struct {
	Record json.RawMessage `json:"record"`
	Chain  string          `json:"chain"`
	Seq    int64           `json:"seq"`
}

// state is whether the trail is written.
type state struct {
	Text string `json:"text"`
	OK   bool   `json:"ok"`
}

// records answers GET /audit/records.
func (a *Admin) records(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	f, err := audit.ParseFilter(query.Get, a.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, err := limit(query.Get("limit"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	before, err := store.ParsePlace(query.Get("before"))
	if err != nil {
		http.Error(w, "before: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !a.reads(w, r, audit.ActionAuditRead, f) {
		return
	}
	found, err := a.Store.Newest(r.Context(), f, before, n)
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a.page(found, n)) // who asked may be gone
}

func (a *Admin) page(found []audit.Stored, n int) page {
	p := page{Records: make([]row, len(found)), Strict: a.Strict}
	if a.Insecure != nil {
		p.Insecure = a.Insecure()
	}
	p.State.Text, p.State.OK = a.Trail.State()
	for i, s := range found {
		p.Records[i] = row{s.Line, s.Chain, s.Seq}
	}
	if len(found) == n {
		p.Before = store.PlaceOf(found[n-1]).String()
	}
	return p
}

func (a *Admin) fail(w http.ResponseWriter, err error) {
	a.Log.Error("reading the audit trail failed", "error", err)
	http.Error(w, "the audit trail cannot be read, try again", http.StatusServiceUnavailable)
}

func limit(text string) (int, error) {
	if text == "" {
		return fewRecords, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostRecords {
		return 0, fmt.Errorf("limit: %.20q is no number from 1 to %d", text, mostRecords)
	}
	return n, nil
}
