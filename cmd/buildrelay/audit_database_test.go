package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// sharedTrail are the settings of nodes that share a trail in PostgreSQL.
func sharedTrail(t *testing.T, db *relaytest.Postgres) map[string]string {
	t.Helper()
	key := filepath.Join(t.TempDir(), "audit.key")
	if err := os.WriteFile(key, []byte(strings.Repeat("5a", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"RELAY_AUDIT_DATABASE": db.URL(), "RELAY_AUDIT_KEY_FILE": key, "RELAY_DATA_DIR": ""}
}

// Two nodes write one trail, each its chain; either shows it whole. While the database is
// away nobody notices who subscribes, and nothing is missing afterwards.
func TestNodesShareATrailAndMissNothingWhileItsDatabaseIsAway(t *testing.T) {
	t.Parallel()
	db := relaytest.StartPostgres(t)
	settings := sharedTrail(t, db)
	one := startAudited(t, "", settings)
	settings["RELAY_AUDIT_NODE"] = "node-2"
	two := startAudited(t, t.TempDir(), settings)
	one.Connect().Subscribe("private-one")
	two.Connect().Subscribe("private-two")
	granted := func(channel string) func(auditRow) bool {
		return func(r auditRow) bool { return r.member(t, "payload", "channel") == channel }
	}
	one.await(t, "relay.subscription.grant", granted("private-two"))
	two.await(t, "relay.subscription.grant", granted("private-one"))

	db.Kill()
	two.Connect().Subscribe("private-meanwhile")
	two.ExpectMetric("buildrelay_audit_away", "that the database is away", func(n float64) bool { return n == 1 })
	db.Restart()
	one.await(t, "relay.subscription.grant", granted("private-meanwhile"))
	two.ExpectMetric("buildrelay_audit_away", "that the database is back", func(n float64) bool { return n == 0 })
	if gaps := one.export(t, "?action=relay.audit.gap"); len(gaps) > 0 {
		t.Errorf("records are missing: %v", gaps)
	}
}

// Who must be recorded is refused while that is not possible; who publishes is not.
func TestAStrictNodeRefusesWhatItCannotRecord(t *testing.T) {
	t.Parallel()
	db := relaytest.StartPostgres(t)
	settings := sharedTrail(t, db)
	settings["RELAY_AUDIT"] = "strict"
	a := startAudited(t, "", settings)
	reader := a.Connect()
	reader.Subscribe("private-before")

	db.Stop()
	late := a.Connect()
	late.Request("private-late", "")
	late.ExpectError(4303, "recorded")
	late.Subscribe("public")
	for path, status := range map[string]int{"/audit/records": http.StatusServiceUnavailable, "/audit/export.csv": http.StatusServiceUnavailable, "/readyz": http.StatusOK} {
		if got, text := a.AskMetrics(path); got != status {
			t.Errorf("%s is answered %d %s", path, got, text)
		}
	}
	if status, reply := a.Request(http.MethodPost, "/users/alice/terminate_connections", ""); status != http.StatusServiceUnavailable || !strings.HasPrefix(reply, "audit: ") {
		t.Errorf("ending connections is answered %d %s", status, reply)
	}
	a.Publish(relaytest.Trigger{Event: "line", Data: "1", Channels: []string{"private-before"}})
	reader.Expect("line")

	db.Restart()
	a.Eventually("who subscribes is let in again", func() bool {
		late.Request("private-late", "")
		return late.Next().Event == "pusher_internal:subscription_succeeded"
	})
	reader.ExpectOpen()
}
