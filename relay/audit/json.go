package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// value is a JSON value: it keeps the order of members and the digits of numbers.
type value struct {
	kind    kind
	text    string // of a string; the digits of a number
	flag    bool
	members []member
	items   []value
}

type member struct {
	name string
	value
}

// kind says what a value is; as text it is what an error asks for.
type kind string

const (
	isNull   kind = "null"
	isFlag   kind = "true or false"
	isNumber kind = "a number"
	isText   kind = "a string"
	isList   kind = "a list"
	isObject kind = "an object"
)

// mostDepth is how deeply objects and lists may be nested.
const mostDepth = 16

// parse reads JSON strictly: it is UTF-8 without NUL, no object names a member twice, nothing
// is nested deeper than mostDepth, and numbers are those that every reader can hold. Its
// errors show names of members, no values.
func parse(p []byte) (value, error) {
	if !utf8.Valid(p) {
		return value{}, errors.New("it is not UTF-8")
	}
	var syntax json.RawMessage
	if err := json.Unmarshal(p, &syntax); err != nil {
		return value{}, fmt.Errorf("it is no JSON: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(p))
	decoder.UseNumber()
	return read(decoder, "", mostDepth)
}

// read reads a value whose place in the whole is path.
func read(decoder *json.Decoder, path string, depth int) (value, error) {
	token, err := decoder.Token()
	if err != nil {
		return value{}, err
	}
	switch token := token.(type) {
	case bool:
		return value{kind: isFlag, flag: token}, nil
	case string:
		return value{kind: isText, text: token}, refuseNUL(path, token)
	case json.Number:
		if f, err := token.Float64(); err != nil || math.IsInf(f, 0) {
			return value{}, refuse(path, "the number is too large")
		}
		return value{kind: isNumber, text: token.String()}, nil
	case json.Delim:
		if depth == 0 {
			return value{}, refuse(path, "objects and lists are nested deeper than %d", mostDepth)
		}
		if token == '[' {
			return readList(decoder, path, depth-1)
		}
		return readObject(decoder, path, depth-1)
	default:
		return value{kind: isNull}, nil
	}
}

func readList(decoder *json.Decoder, path string, depth int) (value, error) {
	v := value{kind: isList}
	for decoder.More() {
		item, err := read(decoder, path+"["+strconv.Itoa(len(v.items))+"]", depth)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	_, err := decoder.Token()
	return v, err
}

func readObject(decoder *json.Decoder, path string, depth int) (value, error) {
	v := value{kind: isObject}
	names := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return value{}, err
		}
		name, _ := token.(string) // valid JSON has nothing else here
		inner := join(path, name)
		if names[name] {
			return value{}, refuse(inner, "is there twice")
		}
		names[name] = true
		if err := refuseNUL(inner, name); err != nil {
			return value{}, err
		}
		item, err := read(decoder, inner, depth)
		if err != nil {
			return value{}, err
		}
		v.members = append(v.members, member{name: name, value: item})
	}
	_, err := decoder.Token()
	return v, err
}

// refuseNUL refuses a text that databases refuse.
func refuseNUL(path, text string) error {
	if strings.ContainsRune(text, 0) {
		return refuse(path, "must not hold the character NUL")
	}
	return nil
}

// refuse is an error about what is at a path; the empty path is the whole.
func refuse(path, format string, args ...any) error {
	if path == "" {
		path = "the record"
	}
	return fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
}

// mostName is how many bytes of a name, which somebody else chose, an error shows.
const mostName = 64

// join is the path of a member. Names that are no words are quoted.
func join(path, name string) string {
	shown := Clean(name)
	shown = strings.ToValidUTF8(shown[:min(len(shown), mostName)], "")
	if shown == "" || strings.Trim(shown, "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		shown = strconv.Quote(shown)
	}
	if path == "" {
		return shown
	}
	return path + "." + shown
}

// appendTo appends the value as compact JSON.
func (v value) appendTo(b []byte) []byte {
	switch v.kind {
	case isFlag:
		return strconv.AppendBool(b, v.flag)
	case isNumber:
		return append(b, v.text...)
	case isText:
		return appendText(b, v.text)
	case isList:
		b = append(b, '[')
		for i, item := range v.items {
			b = item.appendTo(appendComma(b, i))
		}
		return append(b, ']')
	case isObject:
		b = append(b, '{')
		for i, m := range v.members {
			b = m.appendTo(append(appendText(appendComma(b, i), m.name), ':'))
		}
		return append(b, '}')
	default:
		return append(b, "null"...)
	}
}

// appendComma appends a comma in front of all but the first.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func appendText(b []byte, text string) []byte {
	quoted, _ := marshal(text) // a string always becomes JSON
	return append(b, quoted...)
}
