package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest"
)

// reports are one of each action that a CI backend is known to report.
func reports() map[string]string {
	const context, project, job = `{"id":"c-1","type":"context","name":"deploy"}`, `{"id":"p-1","type":"project"}`, `{"id":"j-1","type":"job","name":"build"}`
	const jobPayload = `{"job_name":"build","job_number":7,"workflow_id":"w-1"}`
	all := make(map[string]string)
	add := func(action, target, payload string) {
		all[action] = fmt.Sprintf(`{"action":%q,"actor":{"id":"u-1","type":"user","name":"github: alice"},"target":%s,"payload":%s,`+
			`"scope":{"id":"o-1","type":"organization","name":"=cmd|' /C calc'!A0"},"metadata":{"note":"commas, and \"quoted\""},"request":{"id":"r-1"}}`,
			action, target, payload)
	}
	add("context.create", context, `{"context_name":"deploy"}`)
	add("context.delete", context, `{"context_name":"deploy"}`)
	add("context.env_var.delete", context, `{"context_name":"deploy","environment_variable_name":"TOKEN"}`)
	add("context.env_var.store", context, `{"context_name":"deploy","environment_variable_name":"TOKEN"}`)
	add("context.secrets.accessed", context, `{"context_name":"deploy","environment_variable_titles":["TOKEN","KEY"]}`)
	add("project.env_var.create", project, `{"project_name":"web","environment_variable_name":"TOKEN"}`)
	add("project.env_var.delete", project, `{"project_name":"web","environment_variable_name":"TOKEN"}`)
	add("project.settings.update", project, `{"project_name":"web","changed_settings":["name"]}`)
	add("user.create", `{"id":"u-2","type":"user"}`, `{"user_name":"bob"}`)
	add("user.logged_in", `{"id":"u-2","type":"user"}`, `{}`)
	add("user.logged_out", `{"id":"u-2","type":"user"}`, `{}`)
	add("workflow.job.approve", job, jobPayload)
	add("workflow.job.finish", job, jobPayload)
	add("workflow.job.scheduled", job, jobPayload)
	add("workflow.job.start", job, jobPayload)
	return all
}

// A day: everything that happens stands in the trail, which opens as a table, with every
// field right; that nobody changed it can be proved, and that somebody did.
func TestADayIsInTheTrail(t *testing.T) {
	t.Parallel()
	a := startAudited(t, t.TempDir(), nil)
	channel := "private-build-1"
	watchABuild(t, a, channel)
	refuseStrangers(t, a, channel)
	terminateAUser(t, a)
	reportAll(t, a)

	grant := a.await(t, "relay.subscription.grant", func(r auditRow) bool { return r.member(t, "target", "id") == channel })
	expectCells(t, grant, map[string]string{"actor type": "connection", "target type": "channel", "scope id": relaytest.AppID, "metadata ip": "127.0.0.1", "payload channel": channel})
	if grant["success"] != "true" || grant["version"] != "1" || grant.member(t, "request", "id") != grant.member(t, "actor", "id") {
		t.Errorf("a grant is told as %v", grant)
	}
	if at, err := time.Parse(time.RFC3339Nano, grant["occurred_at"]); err != nil || !strings.HasSuffix(grant["occurred_at"], "Z") || time.Since(at) > time.Hour {
		t.Errorf("it occurred at %s", grant["occurred_at"])
	}
	a.await(t, "relay.subscription.end", func(r auditRow) bool { return r.member(t, "payload", "position") != "" })
	for _, action := range []string{"relay.subscription.deny", "relay.connection.refuse", "relay.publish.deny", "relay.connection.signin_refuse"} {
		if r := a.await(t, action, nil); r["success"] != "false" {
			t.Errorf("%s is told as %v", action, r)
		}
	}
	for _, action := range []string{"relay.server.start", "relay.connection.open", "relay.connection.close", "relay.connection.signin", "relay.user.terminate", "relay.connection.terminate", "relay.audit.export"} {
		if r := a.await(t, action, nil); r["success"] != "true" {
			t.Errorf("%s is told as %v", action, r)
		}
	}
	expectReports(t, a)
	expectTampering(t, a)
}

func watchABuild(t *testing.T, a audited, channel string) {
	t.Helper()
	reader := a.Connect()
	reader.Subscribe(channel)
	a.Publish(relaytest.Trigger{Event: "line", Data: "the secret line", Channels: []string{channel}})
	reader.Expect("line")
	reader.Unsubscribe(channel)
}

func refuseStrangers(t *testing.T, a audited, channel string) {
	t.Helper()
	stranger := a.Connect()
	stranger.Send(fmt.Sprintf(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":"%s:00"}}`, channel, relaytest.Key))
	stranger.Expect("pusher:error")
	stranger.SendSignedIn(relaytest.Key+":00", `{"id":"mallory"}`)
	stranger.ExpectError(0, "Invalid signature")
	refused := relaytest.DialWS(t, a.SocketURL("no-such-key"), relaytest.WSOptions{})
	refused.ExpectError(4001, "")
	refused.ExpectClose(4001)
	if status, _ := a.Do(http.MethodPost, "/apps/"+relaytest.AppID+"/events?auth_key="+relaytest.Key+"&auth_signature=00", `{"name":"x"}`); status != http.StatusUnauthorized {
		t.Errorf("a call that is not signed is answered %d", status)
	}
}

func terminateAUser(t *testing.T, a audited) {
	t.Helper()
	c := a.Connect()
	c.Signin("alice")
	if status, reply := a.Request(http.MethodPost, "/users/alice/terminate_connections", ""); status != http.StatusOK {
		t.Errorf("terminating: %d %s", status, reply)
	}
	c.ExpectError(4009, "")
	c.ExpectClose(4009)
}

// reportAll reports by both ways in turn.
func reportAll(t *testing.T, a audited) {
	t.Helper()
	byHTTP := false
	for _, record := range reports() {
		if byHTTP = !byHTTP; !byHTTP {
			a.report(t, record)
		} else if status, reply := a.Request(http.MethodPost, "/audit", record); status != http.StatusOK {
			t.Errorf("reporting: %d %s", status, reply)
		}
	}
	bad := strings.Replace(reports()["context.env_var.store"], `"environment_variable_name"`, `"value":"hunter2","environment_variable_name"`, 1)
	if status, reply := a.Request(http.MethodPost, "/audit", bad); status != http.StatusBadRequest || !strings.Contains(reply, "payload.value") {
		t.Errorf("the value of a variable is answered %d %s", status, reply)
	}
	a.report(t, bad)
}

func expectReports(t *testing.T, a audited) {
	t.Helper()
	for action, record := range reports() {
		got := a.await(t, action, nil)
		var want struct{ Actor, Target, Scope, Payload, Metadata, Request json.RawMessage }
		if err := json.Unmarshal([]byte(record), &want); err != nil {
			t.Fatal(err)
		}
		for column, text := range map[string]json.RawMessage{
			"actor": want.Actor, "target": want.Target, "scope": want.Scope, "payload": want.Payload, "metadata": want.Metadata, "request": want.Request,
		} {
			if !sameJSON(t, got[column], string(text)) {
				t.Errorf("%s: %s is %s, reported was %s", action, column, got[column], text)
			}
		}
	}
	a.await(t, "relay.audit.refuse", nil)
	for _, row := range a.export(t, "") {
		for column, cell := range row {
			if strings.Contains(cell, "hunter2") || strings.Contains(cell, "the secret line") {
				t.Errorf("%s of %s holds what it must not: %s", column, row["action"], cell)
			}
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("%s of %s is a formula: %s", column, row["action"], cell)
			}
		}
	}
}

// expectCells compares members of cells, each named "column member".
func expectCells(t *testing.T, r auditRow, want map[string]string) {
	t.Helper()
	for name, value := range want {
		column, member, _ := strings.Cut(name, " ")
		if got := r.member(t, column, member); got != value {
			t.Errorf("%s of %s is %q, wanted %q", name, r["action"], got, value)
		}
	}
}

// expectTampering stops the relay, and changes its trail.
func expectTampering(t *testing.T, a audited) {
	t.Helper()
	a.Stop()
	out, errs, code := auditCommand(t, a.dir, "verify")
	if code != 0 || !strings.Contains(out, " 0 problems") {
		t.Fatalf("nobody changed anything, but %d %s%s", code, out, errs)
	}
	file := filepath.Join(a.dir, "audit.db")
	if n := relaytest.ExecSQLite(t, file, `UPDATE audit_records SET line = CAST(replace(line, 'alice', 'carol') AS BLOB) WHERE action = 'user.create'`); n != 1 {
		t.Fatalf("%d records were edited", n)
	}
	out, _, code = auditCommand(t, a.dir, "verify")
	if code != 1 || !strings.Contains(out, "edited") || strings.Count(out, "\n") != 2 {
		t.Errorf("a record was edited: %d %s", code, out)
	}
}
