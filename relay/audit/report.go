package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// What a report may have at most.
const (
	mostReport   = 32 << 10 // bytes of the whole, as it came and as it is kept
	mostPayload  = 16 << 10 // bytes of the payload
	mostMetadata = 32       // members
	mostAhead    = 24 * time.Hour
	firstYear    = 2000
)

// ParseReport reads one record of a backend, and fills in what is missing but the scope: a
// random id, the time now, that it succeeded, no metadata, its own id as the request's. The
// payload becomes a json.RawMessage. The error names the member, says what is wrong and what
// is allowed, and shows no value.
func ParseReport(p []byte, now time.Time) (Record, error) { return ParseReportAs(NewID(), p, now) }

// ParseReportAs is ParseReport for a report that may come again: one without an id has the
// given one.
func ParseReportAs(id string, p []byte, now time.Time) (Record, error) {
	if len(p) > mostReport {
		return Record{}, fmt.Errorf("a record has at most %d bytes, this one %d", mostReport, len(p))
	}
	v, err := parse(p)
	if err != nil {
		return Record{}, err
	}
	r, given, err := v.record()
	if err != nil {
		return Record{}, err
	}
	complete(&r, given, id, now)
	if err := checkReport(r, given, now); err != nil {
		return Record{}, err
	}
	if err := checkKnown(r, v); err != nil {
		return Record{}, err
	}
	entry, err := Encode(r)
	if err != nil {
		return Record{}, err
	}
	if len(entry.Line) > mostReport {
		return Record{}, fmt.Errorf("a record has at most %d bytes, this one would be kept as %d", mostReport, len(entry.Line))
	}
	return r, nil
}

// complete fills in what a report does not have.
func complete(r *Record, given map[string]bool, id string, now time.Time) {
	r.ID = strings.ToLower(r.ID)
	if !given["id"] {
		r.ID = id
	}
	if !given["version"] {
		r.Version = 1
	}
	if !given["occurred_at"] {
		r.OccurredAt = now.UTC()
	}
	if !given["success"] {
		r.Success = true
	}
	if !given["payload"] {
		r.Payload = json.RawMessage("{}")
	}
	if !given["metadata"] {
		r.Metadata = map[string]string{}
	}
	if !given["request"] {
		r.Request.ID = r.ID
	}
}

// checkReport says what no report may have, whatever its action.
func checkReport(r Record, given map[string]bool, now time.Time) error {
	for _, name := range []string{"action", "actor", "target"} {
		if !given[name] {
			return refuse(name, "is missing")
		}
	}
	if strings.HasPrefix(r.Action, "relay.") {
		return refuse("action", `must not begin with "relay.": such records are the relay's own`)
	}
	if err := check(r); err != nil {
		return err
	}
	if r.OccurredAt.Year() < firstYear || r.OccurredAt.After(now.Add(mostAhead)) {
		return refuse("occurred_at", "must be after %d and at most a day ahead of the relay's clock", firstYear-1)
	}
	if payload, _ := r.Payload.(json.RawMessage); len(payload) > mostPayload {
		return refuse("payload", "must be at most %d bytes", mostPayload)
	}
	return checkTexts(r, given)
}

// checkTexts checks the lengths of texts, and that they are of one line.
func checkTexts(r Record, given map[string]bool) error {
	texts := []text{
		{"actor.id", r.Actor.ID, 1},
		{"actor.type", r.Actor.Type, 1},
		{"actor.name", r.Actor.Name, 0},
		{"target.id", r.Target.ID, 1},
		{"target.type", r.Target.Type, 1},
		{"target.name", r.Target.Name, 0},
		{"request.id", r.Request.ID, 1},
	}
	if given["scope"] {
		texts = append(texts, text{"scope.id", r.Scope.ID, 1}, text{"scope.type", r.Scope.Type, 1}, text{"scope.name", r.Scope.Name, 0})
	}
	if len(r.Metadata) > mostMetadata {
		return refuse("metadata", "must have at most %d members", mostMetadata)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		path := join("metadata", name)
		texts = append(texts, text{"the name " + path, name, 1}, text{path, r.Metadata[name], 0})
	}
	for _, t := range texts {
		if err := t.check(); err != nil {
			return err
		}
	}
	return nil
}

// text is a text outside of the payload.
type text struct {
	path, text string
	least      int // bytes
}

func (t text) check() error {
	if len(t.text) < t.least || len(t.text) > mostWord || strings.ContainsFunc(t.text, unicode.IsControl) {
		return refuse(t.path, "must be of %d to %d bytes without control characters", t.least, mostWord)
	}
	return nil
}

// checkKnown checks the record against the schema of its action, if that is known.
func checkKnown(r Record, v value) error {
	schema, ok := schemaOf(r.Action)
	if !ok {
		return nil
	}
	payload := value{kind: isObject}
	for _, m := range v.members {
		if m.name == "payload" {
			payload = m.value
		}
	}
	return schema.check(r.Target, payload)
}
