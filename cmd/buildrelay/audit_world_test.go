package main_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"buildrelay/relay/relaytest"
)

// audited is a relay that keeps an audit trail.
type audited struct {
	*relaytest.Relay
	redis *relaytest.Redis
	dir   string
}

// startAudited starts a relay whose data folder is dir, with more settings.
func startAudited(t *testing.T, dir string, env map[string]string) audited {
	t.Helper()
	server := relaytest.StartRedis(t)
	settings := map[string]string{
		"RELAY_REDIS_URL": server.URL(), "RELAY_DATA_DIR": dir, "RELAY_AUDIT_NODE": "node-1",
		"RELAY_LOG_RULES": "private-build-* replay=all",
	}
	for name, value := range env {
		settings[name] = value
	}
	return audited{relaytest.StartRelay(t, settings), server, dir}
}

// auditCommand runs 'buildrelay audit' on a data folder.
func auditCommand(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runCommand(t, []string{"RELAY_DATA_DIR=" + dir, "RELAY_AUDIT_NODE=cli"}, append([]string{"audit"}, args...)...)
}

// auditRow is a row of the CSV, by the names of its columns.
type auditRow map[string]string

// member is a member of a cell that has JSON, "" where it is not there.
func (r auditRow) member(t *testing.T, column, name string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(r[column]), &members); err != nil {
		t.Fatalf("%s of %v: %v", column, r, err)
	}
	switch value := members[name].(type) {
	case nil:
		return ""
	case string:
		return value
	default:
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// auditColumns are the columns, as the loaders of such trails know them.
const auditColumns = "action,actor,target,payload,occurred_at,metadata,id,version,scope,success,request"

func parseAudit(t *testing.T, text string) (rows []auditRow) {
	t.Helper()
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("the CSV does not open: %v", err)
	}
	if len(table) == 0 || strings.Join(table[0], ",") != auditColumns {
		t.Fatalf("the header is %v", table[:min(1, len(table))])
	}
	for _, cells := range table[1:] {
		row := make(auditRow)
		for i, name := range table[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// export is the trail as the relay's listener for operators gives it.
func (a audited) export(t *testing.T, query string) []auditRow {
	t.Helper()
	status, text := a.AskMetrics("/audit/export.csv" + query)
	if status != 200 {
		t.Fatalf("exporting: %d %s", status, text)
	}
	return parseAudit(t, text)
}

// await waits until the trail has a record of the action that is as wanted, and returns it.
func (a audited) await(t *testing.T, action string, is func(auditRow) bool) (found auditRow) {
	t.Helper()
	relaytest.Eventually(t, "the trail has "+action, func() bool {
		status, text := a.AskMetrics("/audit/export.csv?action=" + action)
		if status != 200 {
			return false // the database is away
		}
		for _, row := range parseAudit(t, text) {
			if is == nil || is(row) {
				found = row
				return true
			}
		}
		return false
	})
	return found
}

// report hands a report to the relay, by Redis.
func (a audited) report(t *testing.T, record string) {
	t.Helper()
	if err := a.redis.Client().Do(t.Context(), "XADD", "buildrelay:audit", "*", "record", record).Err(); err != nil {
		t.Fatal(err)
	}
}
