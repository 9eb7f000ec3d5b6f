package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
)

// optionalText returns the text of a JSON string, nil where there is none.
func optionalText(name string, value json.RawMessage) (*string, error) {
	if value == nil {
		return nil, nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil || value[0] != '"' {
		return nil, badRequest("%s must be a string", name)
	}
	if strings.Contains(s, "\ufffd") && hasHalfPair(string(value)) {
		return nil, badRequest("%s has half a surrogate pair, which is no character", name)
	}
	return &s, nil
}

// texts returns the strings of a JSON array, nil where there is none.
func texts(name string, value json.RawMessage) ([]string, error) {
	if value == nil {
		return nil, nil
	}
	list := []json.RawMessage{}
	if err := json.Unmarshal(value, &list); err != nil {
		return nil, badRequest("%s must be a list of strings", name)
	}
	all := make([]string, 0, len(list))
	for _, element := range list {
		s, err := optionalText(name, element)
		if err != nil {
			return nil, err
		}
		if s == nil {
			return nil, badRequest("%s must be a list of strings", name)
		}
		all = append(all, *s)
	}
	return all, nil
}

// optionalBool returns what a JSON value says, false where there is none.
func optionalBool(name string, value json.RawMessage) (bool, error) {
	switch string(value) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, badRequest("%s must be true or false", name)
	}
}

// hasHalfPair says whether a valid JSON string has an escape, \uD800 to \uDFFF, that is
// no part of a pair. Written as UTF-8 it would be no text.
func hasHalfPair(quoted string) bool {
	for {
		_, escape, found := strings.Cut(quoted, `\`)
		if !found {
			return false
		}
		unit, rest := codeUnit(escape)
		if utf16.IsSurrogate(unit) {
			after, behind := rune(-1), ""
			if next, ok := strings.CutPrefix(rest, `\`); ok {
				after, behind = codeUnit(next)
			}
			if utf16.DecodeRune(unit, after) == '\ufffd' {
				return true
			}
			rest = behind
		}
		quoted = rest
	}
}

// codeUnit reads the escape that s begins with, behind its backslash, and returns what
// follows. It returns -1 for an escape that is no code unit.
func codeUnit(s string) (unit rune, rest string) {
	if s[0] != 'u' {
		return -1, s[1:]
	}
	n, _ := strconv.ParseUint(s[1:5], 16, 16) // valid: the JSON is
	return rune(n), s[5:]
}
