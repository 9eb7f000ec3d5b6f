package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"buildrelay/protocol"
)

// CSVHeader is the first row of a trail as CSV: the members of a record.
func CSVHeader() []string { return recordMembers() }

// CSVRow is a kept record as a row of CSV: texts as they are, other members as compact JSON. No
// cell is a formula to a spreadsheet.
func CSVRow(line []byte) ([]string, error) {
	names := CSVHeader()
	values, _, err := protocol.ReadObject(line, names...)
	if err != nil {
		return nil, fmt.Errorf("reading a record for CSV: %w", err)
	}
	row := make([]string, len(names))
	for i, value := range values {
		if value == nil {
			return nil, fmt.Errorf("reading a record for CSV: it has no %s", names[i])
		}
		if row[i], err = cell(value); err != nil {
			return nil, fmt.Errorf("reading a record for CSV: %s: %w", names[i], err)
		}
	}
	return row, nil
}

// cell is a JSON value as a cell.
func cell(value json.RawMessage) (string, error) {
	if value[0] == '"' {
		var text string
		err := json.Unmarshal(value, &text)
		return plain(text), err
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, value)
	return plain(compact.String()), err
}

// plain puts an apostrophe in front of what a spreadsheet would take for a formula: also in
// front of full-width signs, which some read as the narrow ones, and of what moves to another
// cell first.
func plain(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r\n") {
		return "'" + text
	}
	for _, sign := range []string{"\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"} {
		if strings.HasPrefix(text, sign) {
			return "'" + text
		}
	}
	return text
}
