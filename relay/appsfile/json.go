package appsfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
)

// plainJSON returns JSON as the reader of YAML takes it, line by line the same: tabs are
// spaces, and strings have none of the escapes that are JSON's alone, such as \/ and pairs
// of surrogates, which PHP writes. What is no JSON stays as it is.
func plainJSON(text []byte) []byte {
	if !json.Valid(text) {
		return text
	}
	text = bytes.ReplaceAll(text, []byte("\t"), []byte(" ")) // strings have theirs escaped
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllFunc(text, func(quoted []byte) []byte {
		var s string
		_ = json.Unmarshal(quoted, &s) // a string of valid JSON is one
		return strconv.AppendQuoteToASCII(nil, s)
	})
}
