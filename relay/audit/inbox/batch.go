package inbox

import (
	"fmt"
	"time"

	"buildrelay/relay/audit"
)

// batch is what was taken from the stream at once.
type batch struct {
	taken time.Time
	ids   []string // of all entries
	bytes int
	// records are those that entries are, and those of entries that are none.
	records []audit.Record
	refused []refusal

	kept     bool // the sink has the records
	putAside bool // the refused entries were put aside
}

// refusal is an entry that is no record.
type refusal struct{ id, reason, text string }

// newBatch reads entries of the stream key.
func newBatch(key string, entries []entry, now time.Time) *batch {
	b := &batch{taken: now}
	for i := range entries {
		e := &entries[i]
		b.ids = append(b.ids, e.id)
		b.bytes += e.bytes()
		r, text, err := e.record(key, now)
		if err != nil {
			b.refused = append(b.refused, refusal{e.id, audit.Clean(err.Error()), text})
			continue
		}
		b.records = append(b.records, r)
	}
	b.records = append(b.records, refusals(key, b.refused, now)...)
	return b
}

// record reads the entry. A report without an id has one that the entry always has, and one
// without a time happened when the entry was written. text is what it was read from.
func (e *entry) record(key string, now time.Time) (r audit.Record, text string, err error) {
	if len(e.fields) != 2 || e.fields[0] != "record" {
		return audit.Record{}, "", fmt.Errorf("an entry has one field, %q, which is the record as JSON, and no other", "record")
	}
	text = e.fields[1]
	r, err = audit.ParseReportAs(audit.NameID(key, e.id, text), []byte(text), e.time(now))
	return r, text, err
}

// refusals returns the records of what was refused, one for each reason.
func refusals(key string, refused []refusal, now time.Time) []audit.Record {
	var records []audit.Record
	places := make(map[string]int)
	for _, r := range refused {
		at, known := places[r.reason]
		if !known {
			at = len(records)
			places[r.reason] = at
			records = append(records, newRefusal(key, r, now))
		}
		payload := records[at].Payload.(audit.AuditRefuse)
		payload.Count++
		payload.Bytes += len(r.text)
		records[at].Payload = payload
	}
	return records
}

// newRefusal returns the record of a refused entry, which counts nothing yet. It has the same
// id when the entry is taken again.
func newRefusal(key string, refused refusal, now time.Time) audit.Record {
	r := audit.New(now, audit.ActionAuditRefuse, audit.AuditRefuse{Reason: refused.reason})
	r.ID = audit.NameID("refused", key, refused.id)
	r.Request.ID = r.ID
	r.Actor = audit.Entity{ID: key, Type: "stream"}
	r.Target = audit.Entity{ID: "audit", Type: "trail"}
	r.Metadata = map[string]string{"entry": refused.id}
	r.Success = false
	return r
}
