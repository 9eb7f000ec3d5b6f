package inbox

import (
	"time"

	"buildrelay/relay/audit"
)

// Read reads one entry as it would be taken from the stream: the records that it becomes, and
// why it was refused, "" where it was not.
func Read(id string, fields []string, now time.Time) (records []audit.Record, reason string) {
	b := newBatch("stream", []entry{{id: id, fields: fields}}, now)
	for _, r := range b.refused {
		reason = r.reason
	}
	return b.records, reason
}

// Parse reads what Redis might answer, to a read and to a claim.
func Parse(reply any) (entries int) {
	read, _ := parseRead(reply)
	claimed, _, _ := parseClaim(reply)
	return len(read) + len(claimed)
}
