package audit

import (
	"slices"
	"strings"
)

// schema says what a record of a backend's action holds.
type schema struct {
	action  string
	targets []string // the types that a target may have
	payload []field  // all that the payload may have: so no value of a variable can be in it
}

// field is a member of a payload.
type field struct {
	name     string
	holds    form
	required bool
}

// form is what a member of a payload holds; as text it is what an error asks for.
type form string

const (
	formText      form = "a string of at most 1024 bytes"
	formInt       form = "a whole number that is not negative"
	formNumber    form = "a number that is not negative"
	formVariable  form = "the name of a variable: letters, digits and _, at most 256 bytes"
	formVariables form = "a list of names of variables: letters, digits and _, at most 256 bytes each"
	formNames     form = "a list of strings of at most 256 bytes each"
)

// schemas are the actions of a CI backend that are known, with their targets and payloads.
func schemas() []schema {
	context := []string{"context"}
	project := []string{"project"}
	user := []string{"user"}
	job := []string{"job", "build", "workflow", "project", "channel"}

	contextName := field{"context_name", formText, true}
	projectName := field{"project_name", formText, true}
	variable := field{"environment_variable_name", formVariable, true}
	provider := field{"auth_provider", formText, false}
	status := field{"status", formText, false}
	ofJob := []field{
		{"job_name", formText, true},
		{"job_id", formText, false},
		{"job_number", formInt, false},
		{"workflow_id", formText, false},
		{"workflow_name", formText, false},
		{"pipeline_id", formText, false},
		{"pipeline_number", formInt, false},
		{"project_name", formText, false},
		{"branch", formText, false},
		status,
	}
	return []schema{
		{"context.create", context, []field{contextName}},
		{"context.delete", context, []field{contextName}},
		{"context.env_var.delete", context, []field{contextName, variable}},
		{"context.env_var.store", context, []field{contextName, variable}},
		{"context.secrets.accessed", context, []field{contextName, {"environment_variable_titles", formVariables, true}}},
		{"project.env_var.create", project, []field{projectName, variable}},
		{"project.env_var.delete", project, []field{projectName, variable}},
		{"project.settings.update", project, []field{projectName, {"changed_settings", formNames, false}}},
		{"user.create", user, []field{{"user_name", formText, false}, provider}},
		{"user.logged_in", user, []field{{"user_name", formText, false}, provider}},
		{"user.logged_out", user, []field{{"user_name", formText, false}}},
		{"workflow.job.approve", job, ofJob},
		{"workflow.job.finish", job, append(slices.Clone(ofJob), field{"duration_seconds", formNumber, false})},
		{"workflow.job.scheduled", job, ofJob},
		{"workflow.job.start", job, ofJob},
	}
}

// schemaOf is the schema of an action, if it is known.
func schemaOf(action string) (schema, bool) {
	all := schemas()
	i := slices.IndexFunc(all, func(s schema) bool { return s.action == action })
	if i < 0 {
		return schema{}, false
	}
	return all[i], true
}

// check says what in a record is not as its action has it.
func (s schema) check(target Entity, payload value) error {
	if !slices.Contains(s.targets, target.Type) {
		return refuse("target.type", "must be %s for %s", strings.Join(s.targets, " or "), s.action)
	}
	given := make(map[string]value, len(payload.members))
	for _, m := range payload.members {
		if !slices.ContainsFunc(s.payload, func(f field) bool { return f.name == m.name }) {
			return refuse(join("payload", m.name), "is not allowed; the payload of %s has %s", s.action, s.names())
		}
		given[m.name] = m.value
	}
	for _, f := range s.payload {
		v, ok := given[f.name]
		switch {
		case !ok && f.required:
			return refuse(join("payload", f.name), "is missing; it must be %s", f.holds)
		case ok && !f.holds.takes(v):
			return refuse(join("payload", f.name), "must be %s", f.holds)
		}
	}
	return nil
}

// names are the names of all members of the payload.
func (s schema) names() string {
	names := make([]string, len(s.payload))
	for i, f := range s.payload {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

const (
	mostValue = 1024 // bytes of a text in a known payload
	mostWord  = 256  // bytes of the name of a variable or a setting, of an id, of a metadata member
)

// takes reports whether v is of the form.
func (f form) takes(v value) bool {
	switch f {
	case formText:
		return v.kind == isText && len(v.text) <= mostValue
	case formInt:
		return v.kind == isNumber && strings.Trim(v.text, "0123456789") == ""
	case formNumber:
		return v.kind == isNumber && !strings.HasPrefix(v.text, "-")
	case formVariable:
		return v.kind == isText && isVariable(v.text)
	case formVariables:
		return v.kind == isList && !slices.ContainsFunc(v.items, func(v value) bool { return !formVariable.takes(v) })
	case formNames:
		return v.kind == isList && !slices.ContainsFunc(v.items, func(v value) bool {
			return v.kind != isText || len(v.text) > mostWord
		})
	}
	return false
}

// isVariable reports whether text can be the name of an environment variable.
func isVariable(text string) bool {
	for i, c := range []byte(text) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != "" && len(text) <= mostWord
}
