package store

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"

	"buildrelay/relay/audit"
)

// Format is how a trail is written out; it is also the end of a file's name.
type Format string

// The formats: a table with a header (RFC 4180), and a record's JSON on each line.
const (
	CSV    Format = "csv"
	NDJSON Format = "ndjson"
)

// exportPage is how many records are read, and written, at a time.
const exportPage = 1000

// pager is what has the records: a *DB.
type pager interface {
	Page(ctx context.Context, f audit.Filter, after Place, n int) ([]audit.Stored, error)
}

// Export writes the records that f wants, the oldest first, and returns how many there were.
// It writes as it reads, a page at a time, and nothing before the first is read. Give the
// filter an end where others go on writing.
func Export(ctx context.Context, from pager, f audit.Filter, format Format, w io.Writer) (records int64, err error) {
	page := newPage(format)
	for after := (Place{}); ; {
		found, err := from.Page(ctx, f, after, exportPage)
		if err != nil {
			return records, fmt.Errorf("reading the audit trail: %w", err)
		}
		for _, s := range found {
			if err := page.add(s); err != nil {
				return records, err
			}
		}
		if err := page.flush(w); err != nil {
			return records, err
		}
		records += int64(len(found))
		if len(found) < exportPage {
			return records, nil
		}
		after = PlaceOf(found[len(found)-1])
	}
}

// page is text that is yet to be written.
type page struct {
	text  bytes.Buffer
	table *csv.Writer // nil for lines of JSON
}

func newPage(format Format) *page {
	p := &page{}
	if format == CSV {
		p.table = csv.NewWriter(&p.text)
		p.table.UseCRLF = true
		_ = p.table.Write(audit.CSVHeader()) // memory takes everything
	}
	return p
}

func (p *page) add(s audit.Stored) error {
	if p.table == nil {
		p.text.Write(s.Line)
		p.text.WriteByte('\n')
		return nil
	}
	row, err := audit.CSVRow(s.Line)
	if err != nil {
		return fmt.Errorf("record %d of %s: %w", s.Seq, s.Chain, err)
	}
	return p.table.Write(row)
}

func (p *page) flush(w io.Writer) error {
	if p.table != nil {
		p.table.Flush()
	}
	if p.text.Len() == 0 {
		return nil
	}
	_, err := p.text.WriteTo(w)
	if err != nil {
		return fmt.Errorf("writing the audit trail: %w", err)
	}
	return nil
}
