package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// New is a record of the relay's own, which succeeded.
func New(now time.Time, action string, payload any) Record {
	return Record{Action: action, Payload: payload, OccurredAt: now.UTC(), ID: NewID(), Version: 1, Success: true}
}

// Encode writes a record down. It fills in what is missing: the id, the version, an empty
// payload and metadata, the relay as who or where, and the record's own id as the request's.
// It cuts nothing from the line; what is no text there becomes U+FFFD. What the entry is
// looked for by is clean (Clean), so that any database takes it as a key. It fails on what
// Decode would not read.
func Encode(r Record) (Entry, error) {
	line, err := write(&r)
	if err != nil {
		return Entry{}, fmt.Errorf("writing a record of %q: %w", Clean(r.Action), err)
	}
	return Entry{
		ID: r.ID, OccurredAt: r.OccurredAt, Action: r.Action,
		Actor: Clean(r.Actor.ID), Target: Clean(r.Target.ID), Line: line,
	}, nil
}

// write fills r in and writes it down.
func write(r *Record) ([]byte, error) {
	fill(r)
	if err := check(*r); err != nil {
		return nil, err
	}
	payload, err := object(r.Payload)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	r.Payload = json.RawMessage(payload)
	return marshal(r)
}

// fill fills in what is missing, and makes texts whole.
func fill(r *Record) {
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.Version == 0 {
		r.Version = 1
	}
	r.OccurredAt = r.OccurredAt.UTC()
	for _, e := range []*Entity{&r.Actor, &r.Target, &r.Scope} {
		if *e == (Entity{}) {
			*e = Entity{ID: "relay", Type: "relay"}
		}
		*e = Entity{ID: whole(e.ID), Type: whole(e.Type), Name: whole(e.Name)}
	}
	r.Request.ID = whole(r.Request.ID)
	if r.Request.ID == "" {
		r.Request.ID = r.ID
	}
	metadata := make(map[string]string, len(r.Metadata))
	for name, value := range r.Metadata {
		metadata[whole(name)] = whole(value)
	}
	r.Metadata = metadata
}

// check says what of a record no reader would take.
func check(r Record) error {
	switch at := r.OccurredAt; {
	case !isAction(r.Action):
		return errors.New("action: " + wantAction)
	case !isUUID(r.ID):
		return errors.New("id: must be a UUID in lowercase")
	case r.Version != 1:
		return errors.New("version: must be 1")
	case at.Before(time.Unix(0, 0)) || at.Year() > lastYear:
		return fmt.Errorf("occurred_at: must be a time from 1970 to %d", lastYear)
	}
	return nil
}

// lastYear is the last whose nanoseconds since 1970 an int64 holds.
const lastYear = 2261

// object writes a payload down, which must become a JSON object; what becomes null is an
// empty one.
func object(payload any) ([]byte, error) {
	if payload == nil {
		return []byte("{}"), nil
	}
	text, err := marshal(payload)
	switch {
	case err != nil:
		return nil, err
	case string(text) == "null":
		return []byte("{}"), nil
	case text[0] != '{':
		return nil, errors.New("must become a JSON object")
	case !utf8.Valid(text): // a json.RawMessage is taken as it is
		return nil, errors.New("is not UTF-8")
	}
	return text, nil
}

// marshal is json.Marshal, but leaves <, > and & as they are: no record is part of a page.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
