package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"buildrelay/relay/audit"
)

// payloads are good payloads of the known actions, with all members.
func payloads() map[string]string {
	const (
		context  = `{"context_name":"deploy"}`
		variable = `{"context_name":"deploy","environment_variable_name":"TOKEN"}`
		project  = `{"project_name":"relay","environment_variable_name":"TOKEN"}`
		job      = `{"job_name":"test","job_id":"j1","job_number":7,"workflow_id":"w1","workflow_name":"main",` +
			`"pipeline_id":"p1","pipeline_number":12,"project_name":"relay","branch":"main","status":"running"`
	)
	return map[string]string{
		"context.create":           context,
		"context.delete":           context,
		"context.env_var.delete":   variable,
		"context.env_var.store":    variable,
		"context.secrets.accessed": `{"context_name":"deploy","environment_variable_titles":["TOKEN","_KEY2"]}`,
		"project.env_var.create":   project,
		"project.env_var.delete":   project,
		"project.settings.update":  `{"project_name":"relay","changed_settings":["advanced.setup"]}`,
		"user.create":              `{"user_name":"ada","auth_provider":"github"}`,
		"user.logged_in":           `{"user_name":"ada","auth_provider":"github"}`,
		"user.logged_out":          `{"user_name":"ada"}`,
		"workflow.job.approve":     job + "}",
		"workflow.job.finish":      job + `,"duration_seconds":1.5}`,
		"workflow.job.scheduled":   job + "}",
		"workflow.job.start":       job + "}",
	}
}

// target is the type of the target of a known action.
func target(action string) string {
	entity, _, _ := strings.Cut(action, ".")
	if entity == "workflow" {
		return "job"
	}
	return entity
}

// known is a good report of a known action.
func known(action string) string { return reportOf(action, target(action), payloads()[action]) }

func reportOf(action, target, payload string) string {
	return fmt.Sprintf(`{"action":%q,"actor":{"id":"u1","type":"user"},"target":{"id":"t1","type":%q},"payload":%s}`, action, target, payload)
}

func TestTheFifteenActionsOfABackendAreTaken(t *testing.T) {
	t.Parallel()
	if len(payloads()) != 15 {
		t.Fatalf("%d actions", len(payloads()))
	}
	for action, payload := range payloads() {
		r, err := audit.ParseReport([]byte(known(action)), noon)
		if err != nil {
			t.Errorf("%s: %v", action, err)
			continue
		}
		if line := string(encode(t, r).Line); !strings.Contains(line, `"payload":`+payload+`,`) {
			t.Errorf("%s is kept as %s", action, line)
		}
	}
}

func TestAKnownActionHasAClosedSchema(t *testing.T) {
	t.Parallel()
	for action, payload := range payloads() {
		names := memberNames(t, payload)
		open := reportOf(action, target(action), strings.Replace(payload, "{", `{"value":"hunter2",`, 1))
		_, err := audit.ParseReport([]byte(open), noon)
		want := fmt.Sprintf("payload.value: is not allowed; the payload of %s has %s", action, strings.Join(names, ", "))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", action, err, want)
		}
		_, err = audit.ParseReport([]byte(reportOf(action, "planet", payload)), noon)
		want = "target.type: must be " + target(action)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), "for "+action) {
			t.Errorf("%s: %v, want %s …", action, err, want)
		}
		for _, name := range names {
			for _, wrong := range []string{`{"a":1}`, `-1`, `null`, `true`, `"` + rep("x", 1025) + `"`, `[["TOKEN"]]`} {
				text := reportOf(action, target(action), withMember(t, payload, name, wrong))
				_, err := audit.ParseReport([]byte(text), noon)
				if want := "payload." + name + ": must be "; err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s with the %s %.20s: %v, want %s …", action, name, wrong, err, want)
				}
			}
		}
	}
}

func TestAKnownActionNeedsItsNames(t *testing.T) {
	t.Parallel()
	for action, payload := range map[string]string{
		"context.create":           `{}`,
		"context.env_var.store":    `{"context_name":"deploy"}`,
		"context.secrets.accessed": `{"context_name":"deploy"}`,
		"project.env_var.create":   `{"environment_variable_name":"TOKEN"}`,
		"workflow.job.start":       `{"job_id":"j1"}`,
	} {
		_, err := audit.ParseReport([]byte(reportOf(action, target(action), payload)), noon)
		if err == nil || !strings.Contains(err.Error(), "is missing; it must be ") {
			t.Errorf("%s: %v", action, err)
		}
	}
	for _, payload := range []string{`{"job_name":"test"}`, `{"job_name":"test","job_number":0}`} {
		if _, err := audit.ParseReport([]byte(reportOf("workflow.job.start", "job", payload)), noon); err != nil {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestTheNameOfAVariableCannotHoldItsValue(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "TOKEN=hunter2", "TOKEN hunter2", "1TOKEN", "TOKEN\\n", "TÖKEN", "a-b", rep("A", 257)} {
		for action, payload := range map[string]string{
			"context.env_var.store":    withMember(t, payloads()["context.env_var.store"], "environment_variable_name", `"`+name+`"`),
			"context.secrets.accessed": withMember(t, payloads()["context.secrets.accessed"], "environment_variable_titles", `["TOKEN","`+name+`"]`),
		} {
			_, err := audit.ParseReport([]byte(reportOf(action, "context", payload)), noon)
			if err == nil || !strings.Contains(err.Error(), "letters, digits and _") {
				t.Errorf("%s: %v", payload, err)
			}
		}
	}
}
