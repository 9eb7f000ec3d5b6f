package store_test

import (
	"testing"

	"buildrelay/relay/audit"
)

// The chain has ten records, in commits up to 3, 6, 9 and 10.
func TestTheNewestRecordsAreVerifiedAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		newest    int64
		records   int64
		problems  bool
	}{
		"nothing":                       {"", 4, 4, false},
		"nothing, of all":               {"", 100, 10, false},
		"nothing, from within a commit": {"", 2, 4, false},
		"a record before":               {"UPDATE audit_records SET actor = 'nobody' WHERE seq = 2", 4, 4, false},
		"a record before, of all":       {"UPDATE audit_records SET actor = 'nobody' WHERE seq = 2", 100, 10, true},
		"a record among them":           {"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 2) WHERE seq = 8", 4, 4, true},
		"the first of them":             {"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE seq = 2) WHERE seq = 7", 4, 4, true},
		"the end, removed":              {"DELETE FROM audit_records WHERE seq > 8", 2, 2, true},
		"all":                           {"DELETE FROM audit_records", 2, 0, true},
		"the head it begins at":         {"UPDATE audit_heads SET at = at + 1000000 WHERE seq = 6", 4, 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			w.fill("node", 0, 10)
			if c.statement != "" {
				w.tamper(c.statement)
			}
			var found []audit.Problem
			records, err := w.VerifyNewest(t.Context(), nil, c.newest, func(p audit.Problem) { found = append(found, p) })
			if err != nil || records != c.records || (len(found) > 0) != c.problems {
				t.Errorf("%d records, %v, %v", records, found, err)
			}
		})
	}
}

// However many chains there are, no more records are looked at; that an end is gone is found in all.
func TestTheNewestRecordsAreThoseOfAllChains(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		records   int64
		problems  bool
	}{
		"nothing":                       {"", 4, false},
		"a record of an old chain":      {"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE chain = 'new' AND seq = 2) WHERE chain = 'old-2' AND seq = 8", 4, false},
		"a record of the newest":        {"UPDATE audit_records SET line = (SELECT line FROM audit_records WHERE chain = 'new' AND seq = 2) WHERE chain = 'new' AND seq = 8", 4, true},
		"the end of an old chain":       {"DELETE FROM audit_records WHERE chain = 'old-1' AND seq > 9", 4, true},
		"an old chain, and its records": {"DELETE FROM audit_records WHERE chain = 'old-1'", 4, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onSQLite(t)
			for i, chain := range []string{"old-1", "old-2", "new"} {
				w.fill(chain, 10*i, 10)
			}
			if c.statement != "" {
				w.tamper(c.statement)
			}
			var found []audit.Problem
			records, err := w.VerifyNewest(t.Context(), nil, 4, func(p audit.Problem) { found = append(found, p) })
			if err != nil || records != c.records || (len(found) > 0) != c.problems {
				t.Errorf("%d records, %v, %v", records, found, err)
			}
		})
	}
}
