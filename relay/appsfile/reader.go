package appsfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostFaults is how many are told; more of them are one mistake.
const mostFaults = 100

// reader reads what was parsed, and collects what is wrong with it.
type reader struct {
	secrets   Secrets
	faults    []error
	ids, keys map[string]int // the lines of the apps' ids and keys
}

// fault notes that what stands at n is wrong. It does not hold what stands there, unless
// the caller knows that it is no secret.
func (r *reader) fault(n *yaml.Node, path, format string, args ...any) {
	if r.full() {
		return
	}
	if path != "" {
		path += ": "
	}
	r.faults = append(r.faults, fmt.Errorf("line %d: %s%w", n.Line, path, fmt.Errorf(format, args...)))
}

// full says whether enough is wrong to stop.
func (r *reader) full() bool { return len(r.faults) > mostFaults }

// err is all that is wrong.
func (r *reader) err() error {
	if r.full() {
		return errors.Join(append(slices.Clone(r.faults[:mostFaults]), errors.New("and more"))...)
	}
	return errors.Join(r.faults...)
}

// field is one that a mapping may have. read is given its value, and its path from the app.
type field struct {
	name string
	read func(n *yaml.Node, path string)
}

// fields reads a mapping. It returns those of its fields that are there.
func (r *reader) fields(n *yaml.Node, path string, known []field) (there map[string]*yaml.Node) {
	there = map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		r.fault(n, path, "it must be a mapping with the fields %s", namesOf(known))
		return there
	}
	for i := 0; i+1 < len(n.Content) && !r.full(); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(known, func(f field) bool { return name.Kind == yaml.ScalarNode && f.name == name.Value })
		switch {
		case at < 0:
			r.fault(name, path, "there is no field%s; it may have %s", fieldName(name), namesOf(known))
		case there[name.Value] != nil:
			r.fault(name, join(path, name.Value), "it is there twice, first in line %d", there[name.Value].Line)
		default:
			there[name.Value] = value
			known[at].read(value, join(path, name.Value))
		}
	}
	return there
}

// fieldName is a name that is not known, if it looks like one: it could be a secret that
// stands in the wrong place.
func fieldName(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || !consists(n.Value, 30, "_") || strings.ContainsAny(n.Value, "0123456789") {
		return " of that name"
	}
	return " " + n.Value
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func namesOf(fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

// each reads a list, which must not be empty.
func (r *reader) each(n *yaml.Node, path string, read func(n *yaml.Node, path string)) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fault(n, path, "it must be a list of at least one")
		return
	}
	for i, value := range n.Content {
		if r.full() {
			return
		}
		read(value, path+"["+strconv.Itoa(i)+"]")
	}
}

// text returns the text of a single value; in quotes or not, it is the same.
func (r *reader) text(n *yaml.Node, path string) (text string, ok bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.fault(n, path, "it must be a single value")
	case n.Tag == "!!null":
		r.fault(n, path, "it has no value")
	default:
		return n.Value, true
	}
	return "", false
}

// value returns what reads a single value with set, whose error says what is allowed.
func (r *reader) value(set func(text string) error) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		text, ok := r.text(n, path)
		if !ok {
			return
		}
		if err := set(text); err != nil {
			r.fault(n, path, "it %w", err)
		}
	}
}
