package relaytest_test

import (
	"testing"

	"buildrelay/relay/relaytest"
)

func TestPostgresKeepsWhatItWasToldOverAStopAndAKill(t *testing.T) {
	t.Parallel()
	server := relaytest.StartPostgres(t)
	db := server.Connect(server.Schema())
	defer db.Close()
	ctx := t.Context()
	if _, err := db.ExecContext(ctx, "CREATE TABLE told (n int)"); err != nil {
		t.Fatal(err)
	}
	for want, end := range []func(){server.Stop, server.Kill} {
		if _, err := db.ExecContext(ctx, "INSERT INTO told VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		end()
		if err := db.PingContext(ctx); err == nil {
			t.Error("answers after its end")
		}
		server.Restart()
		var got int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM told").Scan(&got); err != nil || got != want+1 {
			t.Errorf("has %d rows, %v; want %d", got, err, want+1)
		}
	}
}

func TestPostgresSchemasAreApart(t *testing.T) {
	t.Parallel()
	server := relaytest.StartPostgres(t)
	for range 2 {
		db := server.Connect(server.Schema())
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE same (n int)"); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	}
}
