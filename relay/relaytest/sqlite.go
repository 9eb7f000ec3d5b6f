package relaytest

import (
	"database/sql"
	"testing"

	_ "modernc.org/sqlite" // the driver
)

// ExecSQLite runs a statement in a database that others may have open, and returns how many
// rows it changed.
func ExecSQLite(t testing.TB, file, statement string, arguments ...any) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(t.Context(), statement, arguments...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
