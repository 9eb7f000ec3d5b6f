package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// encoding/json matches the names of members without regard to case and lets
// the last of several win. A message must not mean one thing to the relay and
// another to whoever checked it before, so objects are read here, strictly.
// Syntax and depth are still encoding/json's to judge: everything below expects
// input that json.Valid accepted.

var errNotObject = errors.New("must be an object")

// ReadObject returns the values of the members of a JSON object that are called names,
// in the order of names, and the other members in the order of the object. A value that
// is absent or null is nil. A known name that comes twice, or in another case, is an
// error, as is text that is no object.
func ReadObject(text []byte, names ...string) (values []json.RawMessage, extra []Field, err error) {
	if !json.Valid(text) {
		return nil, nil, errors.New("not JSON")
	}
	return readObject(text, names...)
}

// readObject returns the values of the members of obj that are called names, in
// the order of names, and the other members in the order of obj. A value that
// is absent or null is nil. A known name that comes twice, or in another case,
// is an error.
func readObject(obj []byte, names ...string) (values []json.RawMessage, extra []Field, err error) {
	values, extra, err = readMembers(obj, names...)
	for i, v := range values {
		values[i] = unlessNull(v)
	}
	return values, extra, err
}

// readMembers is readObject, but that a value that is null is told from one that is
// absent.
func readMembers(obj []byte, names ...string) (values []json.RawMessage, extra []Field, err error) {
	if obj = skipSpace(obj); obj[0] != '{' {
		return nil, nil, errNotObject
	}
	values = make([]json.RawMessage, len(names))
	for name, value := range members(obj) {
		i, err := indexName(names, name)
		switch {
		case err != nil:
			return nil, nil, err
		case i < 0:
			extra = append(extra, Field{name, value})
		case values[i] != nil:
			return nil, nil, fmt.Errorf("%q comes twice", name)
		default:
			values[i] = value
		}
	}
	return values, extra, nil
}

// unlessNull returns value, nil where it is null.
func unlessNull(value json.RawMessage) json.RawMessage {
	if string(value) == "null" {
		return nil
	}
	return value
}

// indexName returns the index of name in known, -1 if it is none of them.
func indexName(known []string, name string) (int, error) {
	for i, k := range known {
		if name == k {
			return i, nil
		}
		if strings.EqualFold(name, k) {
			return 0, fmt.Errorf("%q must be written %q", clip(name), k)
		}
	}
	return -1, nil
}

// members iterates over the members of a valid JSON object.
func members(obj []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		for rest := skipSpace(obj[1:]); rest[0] != '}'; {
			name, afterName := cutValue(rest)
			value, afterValue := cutValue(skipSpace(skipSpace(afterName)[1:])) // over the ':'
			if !yield(Unquote(name), value) {
				return
			}
			rest = skipComma(afterValue)
		}
	}
}

// elements iterates over the elements of a valid JSON array.
func elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		for rest := skipSpace(array[1:]); rest[0] != ']'; {
			value, after := cutValue(rest)
			if !yield(value) {
				return
			}
			rest = skipComma(after)
		}
	}
}

// cutValue splits b, which starts with a value, behind it.
func cutValue(b []byte) (value, rest []byte) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:])
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		case ',', ':', ' ', '\t', '\r', '\n':
			continue
		default:
			i += scalarEnd(b[i:])
		}
		if depth == 0 {
			return b[:i+1], b[i+1:]
		}
	}
	return b, nil
}

// stringEnd returns the index of the quote that ends the string b starts with.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b) - 1
}

// scalarEnd returns the index of the last byte of the number or word b starts
// with.
func scalarEnd(b []byte) int {
	for i, c := range b {
		if strings.IndexByte(",:]} \t\r\n", c) >= 0 {
			return i - 1
		}
	}
	return len(b) - 1
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// skipComma skips the comma that may follow a value, and the space around it.
func skipComma(b []byte) []byte {
	if b = skipSpace(b); b[0] == ',' {
		b = skipSpace(b[1:])
	}
	return b
}

// text returns the string in the member called name.
func text(name string, value json.RawMessage) (string, error) {
	switch {
	case value == nil:
		return "", fmt.Errorf("%q is missing", name)
	case value[0] != '"':
		return "", fmt.Errorf("%q must be a string", name)
	}
	return Unquote(value), nil
}

// optionalText is text for a member that may be absent: then it is "".
func optionalText(name string, value json.RawMessage) (string, error) {
	if value == nil {
		return "", nil
	}
	return text(name, value)
}
