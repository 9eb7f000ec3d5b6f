package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

func TestARowHasTheCellsOfItsRecord(t *testing.T) {
	t.Parallel()
	got, err := audit.CSVRow(encode(t, denied()).Line)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"relay.subscription.deny", `{"id":"7.8","type":"connection"}`,
		`{"id":"private-build-1","type":"channel","name":"private-build-1"}`,
		`{"channel":"private-build-1","socket_id":"7.8","code":4009,"reason":"signature","count":1}`,
		"2026-03-01T12:00:00.123456789Z", `{"ip":"192.0.2.7","origin":"https://ci.example"}`,
		anID, "1", `{"id":"3","type":"app"}`, "false", `{"id":"7.8"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	header := []string{
		"action", "actor", "target", "payload", "occurred_at", "metadata", "id", "version", "scope", "success", "request",
	}
	if diff := cmp.Diff(header, audit.CSVHeader()); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

func TestARowComesBackWhole(t *testing.T) {
	t.Parallel()
	r := denied()
	r.Metadata = map[string]string{"text": "a,b;c \"d\"\r\n'e'\t=1+1"}
	r.Payload = map[string]string{"text": "\r\n\r\n,,,\"\"\"\u2028"}
	row, err := audit.CSVRow(encode(t, r).Line)
	if err != nil {
		t.Fatal(err)
	}
	got := throughCSV(t, row)
	if diff := cmp.Diff(row, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	var metadata map[string]string
	if err := json.Unmarshal([]byte(got[5]), &metadata); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Metadata, metadata); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// throughCSV writes a row and reads it.
func throughCSV(t *testing.T, row []string) []string {
	t.Helper()
	var text bytes.Buffer
	writer := csv.NewWriter(&text)
	if err := writer.Write(row); err != nil {
		t.Fatal(err)
	}
	writer.Flush()
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows[0]
}

// spoiled is a line whose action was changed in the store: CSV must bear any line.
func spoiled(t testing.TB, action string) []byte {
	t.Helper()
	quoted, err := json.Marshal(action)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(encode(t, denied()).Line, []byte(`"relay.subscription.deny"`), quoted, 1)
}

func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"} {
		row, err := audit.CSVRow(spoiled(t, start+"1+1"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "'" + start + "1+1"; row[0] != want {
			t.Errorf("the cell is %q, want %q", row[0], want)
		}
	}
	for line, cell := range map[string]int{`"version":-1`: 7, `"version":"=1"`: 7} {
		changed := strings.Replace(string(encode(t, denied()).Line), `"version":1`, line, 1)
		row, err := audit.CSVRow([]byte(changed))
		if err != nil || !strings.HasPrefix(row[cell], "'") {
			t.Errorf("%s became %q, %v", line, row, err)
		}
	}
	row, err := audit.CSVRow(spoiled(t, "a=b"))
	if err != nil || row[0] != "a=b" {
		t.Errorf("%q, %v", row, err)
	}
}

func TestWhatIsNoRecordIsNoRow(t *testing.T) {
	t.Parallel()
	whole := string(encode(t, denied()).Line)
	for _, line := range []string{"", "{}", "[]", "1", "null", whole[:100], strings.Replace(whole, `"scope"`, `"scops"`, 1)} {
		if row, err := audit.CSVRow([]byte(line)); err == nil {
			t.Errorf("%q became %q", line, row)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, text := range []string{"=1+1", "\uFF1D1", "'=1", "\x00=1", "a\r\n=1", `","=1`, "-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := denied()
		r.Actor = audit.Entity{ID: text, Type: text, Name: text}
		r.Metadata = map[string]string{text: text}
		r.Payload = map[string]string{text: text}
		r.Request.ID = text
		for _, line := range [][]byte{encode(t, r).Line, spoiled(t, text)} {
			row, err := audit.CSVRow(line)
			if err != nil {
				t.Fatal(err)
			}
			for i, cell := range throughCSV(t, row) {
				if strings.ReplaceAll(row[i], "\r\n", "\n") != cell { // as encoding/csv reads it
					t.Errorf("cell %d was %q and is %q", i, row[i], cell)
				}
				first, _ := utf8.DecodeRuneInString(cell)
				if strings.ContainsRune("=+-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20", first) {
					t.Errorf("cell %d begins like a formula: %q", i, cell)
				}
			}
		}
	})
}
