package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decode reads what Encode wrote, strictly: all members are there once, no others, and of the
// right types. The payload becomes a json.RawMessage.
func Decode(line []byte) (Record, error) {
	r, err := decode(line)
	if err != nil {
		return Record{}, fmt.Errorf("reading a record: %w", err)
	}
	return r, nil
}

func decode(line []byte) (Record, error) {
	v, err := parse(line)
	if err != nil {
		return Record{}, err
	}
	r, given, err := v.record()
	if err != nil {
		return Record{}, err
	}
	for _, name := range recordMembers() {
		if !given[name] {
			return Record{}, refuse(name, "is missing")
		}
	}
	return r, check(r)
}

// recordMembers are the members of a record, in their order.
func recordMembers() []string {
	return []string{
		"action", "actor", "target", "payload", "occurred_at", "metadata", "id", "version", "scope", "success", "request",
	}
}

// record reads a record, and which members it has.
func (v value) record() (r Record, given map[string]bool, err error) {
	if v.kind != isObject {
		return Record{}, nil, refuse("", "must be %s", isObject)
	}
	given = make(map[string]bool, len(v.members))
	for _, m := range v.members {
		given[m.name] = true
		if err := m.into(&r); err != nil {
			return Record{}, nil, err
		}
	}
	return r, given, nil
}

// into puts a member of a record where it belongs.
func (m member) into(r *Record) (err error) {
	switch m.name {
	case "action":
		r.Action, err = m.string(m.name)
	case "actor":
		r.Actor, err = m.entity(m.name)
	case "target":
		r.Target, err = m.entity(m.name)
	case "payload":
		err = m.want(m.name, isObject)
		r.Payload = json.RawMessage(m.appendTo(nil))
	case "occurred_at":
		r.OccurredAt, err = m.time(m.name)
	case "metadata":
		r.Metadata, err = m.strings(m.name)
	case "id":
		r.ID, err = m.string(m.name)
	case "version":
		r.Version, err = m.int(m.name)
	case "scope":
		r.Scope, err = m.entity(m.name)
	case "success":
		r.Success, err = m.flag, m.want(m.name, isFlag)
	case "request":
		r.Request, err = m.request(m.name)
	default:
		return refuse(join("", m.name), "is no member of a record; it has %s", strings.Join(recordMembers(), ", "))
	}
	return err
}

// want says whether the value is of a kind.
func (v value) want(path string, k kind) error {
	if v.kind != k {
		return refuse(path, "must be %s", k)
	}
	return nil
}

func (v value) string(path string) (string, error) { return v.text, v.want(path, isText) }

func (v value) int(path string) (int, error) {
	n, err := strconv.Atoi(v.text)
	if v.kind != isNumber || err != nil {
		return 0, refuse(path, "must be a whole number")
	}
	return n, nil
}

// strings reads an object whose members are strings.
func (v value) strings(path string) (map[string]string, error) {
	if err := v.want(path, isObject); err != nil {
		return nil, err
	}
	all := make(map[string]string, len(v.members))
	for _, m := range v.members {
		if err := m.want(join(path, m.name), isText); err != nil {
			return nil, err
		}
		all[m.name] = m.text
	}
	return all, nil
}

func (v value) entity(path string) (Entity, error) {
	members, err := v.texts(path, "id", "type", "name")
	return Entity{ID: members["id"], Type: members["type"], Name: members["name"]}, err
}

func (v value) request(path string) (Request, error) {
	members, err := v.texts(path, "id")
	return Request{ID: members["id"]}, err
}

// texts reads an object of strings that has no other members than these, and all of them but
// for a name.
func (v value) texts(path string, allowed ...string) (map[string]string, error) {
	members, err := v.strings(path)
	if err != nil {
		return nil, err
	}
	known := 0
	for _, name := range allowed {
		switch _, ok := members[name]; {
		case ok:
			known++
		case name != "name":
			return nil, refuse(join(path, name), "is missing")
		}
	}
	if known == len(members) {
		return members, nil
	}
	for _, m := range v.members {
		if !slices.Contains(allowed, m.name) {
			return nil, refuse(join(path, m.name), "is not allowed; %s has %s", path, strings.Join(allowed, ", "))
		}
	}
	return members, nil
}

// time reads a time as RFC 3339 has it, with at most nine decimals.
func (v value) time(path string) (time.Time, error) {
	const want = "must be a time like 2017-12-21T13:50:54.474Z, with at most nine decimals"
	var at time.Time
	_, fraction, _ := strings.Cut(v.text, ".")
	decimals := len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
	// Package time would take a comma, and leave out the decimals it has no place for.
	if v.kind != isText || strings.Contains(v.text, ",") || decimals > 9 || at.UnmarshalText([]byte(v.text)) != nil {
		return time.Time{}, refuse(path, want)
	}
	return at.UTC(), nil
}
