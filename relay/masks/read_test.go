package masks

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts are JSON, or nearly.
var jsonTexts = []string{
	`{}`, `[]`, ` { } `, `{"a":[1,-0,0.5,1e9,1E+9,1e-9,true,false,null,"\u12aF\n\"\\\/"]}`, `"x"`, `1`, `null`,
	``, ` `, `{`, `[`, `"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{a:1}`, `01`, `-`, `-true`, `1.`, `1.true`, `.5`, `1e`, `+1`,
	`tru`, `truee`, `nulll`, `"\x"`, `"\u12"`, "\"\n\"", "\"\x00\"", `"\`, `[1 2]`, `{"a":1 "b":2}`, `{"a" 1}`, `1 2`, `{}}`, `'a'`, `NaN`,
	strings.Repeat("[", 10_001), strings.Repeat("[", 9_999) + strings.Repeat("]", 9_999), "\"\xff\"", "\ufeff{}",
}

func isJSON(data string) bool {
	r := reader{data: []byte(data), field: "text"}
	return r.document()
}

func TestJSONIsKnownAsSuch(t *testing.T) {
	t.Parallel()
	for _, data := range jsonTexts {
		if got, want := isJSON(data), json.Valid([]byte(data)); got != want {
			t.Errorf("%.40q is JSON: %v, want %v", data, got, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, data := range jsonTexts {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if got, want := isJSON(data), json.Valid([]byte(data)); got != want {
			t.Errorf("%q is JSON: %v, want %v", data, got, want)
		}
		end := 0
		for _, p := range read(data, "text") {
			if p.from < end || p.to < p.from || p.to > len(data) {
				t.Errorf("%q has a piece from %d to %d", data, p.from, p.to)
			}
			end = p.to
		}
	})
}

func TestOutputIsOnlyWhatGoesOn(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                      "",
		"plain\n":               "plain\n",
		`"string\n"`:            "string\n",
		" 12 ":                  " 12 ",
		`{"text":"a\nb","x":1}`: "a\nb",
		`{"te\u0078t":"a"}`:     "a",
		`{"text":["a",1,["no"],{"text":"no"},"b"]}`: "ab",
		`{"text":{"text":"no"},"x":{"text":"no"}}`:  "",
		`{"text":17}`:                   "",
		`{"text":"a","text":"b"}`:       "ab",
		`[{"text":"no"},"no"]`:          "",
		`{"base64":"aGk=","text":"lo"}`: "hilo",
		`{"base64":"no!"}`:              "",
		`{"x":{"base64":"bm8="}}`:       "",
	} {
		if diff := cmp.Diff(want, outputOf(data, "text")); diff != "" {
			t.Errorf("output of %s (-want +got):\n%s", data, diff)
		}
	}
}
