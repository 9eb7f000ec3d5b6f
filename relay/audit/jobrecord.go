package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"buildrelay/protocol"
)

// Job is the payload of workflow.job.* as the relay derives it from a status event, of the
// schema that backends report by. What the event does not say is empty.
type Job struct {
	Name         string `json:"job_name"`
	ID           string `json:"job_id,omitempty"`
	Number       int64  `json:"job_number,omitempty"`
	WorkflowID   string `json:"workflow_id,omitempty"`
	WorkflowName string `json:"workflow_name,omitempty"`
	Status       string `json:"status,omitempty"`
}

// Derive returns the record that the rules make of an event of an app, false where they make
// none. Of data, which is JSON as a rule, the id, name, number and status of the job are
// looked at, and the id and name of its workflow and of its user; nothing else is ever copied.
// What cannot be read is left out: then the record's target is the channel.
//
// All nodes derive the same id from the same event: position is its place in a log as text,
// "" on a channel without one, where events with the same data are one.
func (jobs Jobs) Derive(app, channel, event, data, position string, now time.Time) (Record, bool) {
	action := jobs.find(channel, event)
	if action == "" {
		return Record{}, false
	}
	told := readJob(data)
	r := New(now, action, told.payload)
	r.ID = jobID(app, channel, event, data, position)
	r.Request.ID = r.ID
	r.Actor = told.user.entity("user", Entity{ID: app, Type: "app"})
	r.Target = named{told.payload.ID, told.payload.Name}.entity("job", Entity{ID: channel, Type: "channel", Name: channel})
	r.Scope = Entity{ID: app, Type: "app"}
	r.Metadata = map[string]string{"channel": channel, "event": Clean(event)}
	if position != "" {
		r.Metadata["position"] = Clean(position)
	}
	return r, true
}

func jobID(app, channel, event, data, position string) string {
	if position != "" {
		return NameID("job at", app, channel, event, position)
	}
	return NameID("job", app, channel, event, data)
}

// told is what an event says of a job.
type told struct {
	payload Job
	user    named
}

// named is an object with an id and a name, either of which may be empty.
type named struct{ id, name string }

// entity returns other where there is no id.
func (n named) entity(kind string, other Entity) Entity {
	if n.id == "" {
		return other
	}
	return Entity{ID: n.id, Type: kind, Name: n.name}
}

// readJob reads what an event says; nothing where it is no JSON object, or one that says
// something twice.
func readJob(data string) (t told) {
	v, _, err := protocol.ReadObject([]byte(data), "id", "name", "number", "status", "workflow", "user")
	if err != nil {
		return told{}
	}
	workflow := readNamed(v[4])
	t.user = readNamed(v[5])
	t.payload = Job{
		Name: plainText(v[1]), ID: plainText(v[0]), Number: wholeNumber(v[2]), Status: plainText(v[3]),
		WorkflowID: workflow.id, WorkflowName: workflow.name,
	}
	return t
}

// wholeNumber is a number that is written as one, or in a string; 0 of all else.
func wholeNumber(value json.RawMessage) int64 {
	n, err := strconv.ParseInt(plainText(value), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// readNamed reads an object; nothing where value is nil or anything else.
func readNamed(value json.RawMessage) named {
	v, _, err := protocol.ReadObject(value, "id", "name")
	if err != nil {
		return named{}
	}
	return named{plainText(v[0]), plainText(v[1])}
}

// plainText is a string as it may be recorded, or a number as it was written; "" of all else.
func plainText(value json.RawMessage) string {
	var text string
	switch {
	case len(value) == 0:
		return ""
	case json.Unmarshal(value, &text) == nil:
		return Clean(text)
	case value[0] == '-' || value[0] >= '0' && value[0] <= '9':
		return Clean(string(value))
	default:
		return ""
	}
}
