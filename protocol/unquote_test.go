package protocol

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// encoding/json is the judge of what a string means.
func FuzzUnquote(f *testing.F) {
	for _, in := range []string{
		`""`, `"plain ü😀"`, `"\"\\\/\b\f\n\r\t"`, `"\u0000\u00e9\uABcd"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`,
		`"\ud83d\ud83d\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"a\\u0041"`,
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var want string
		if !utf8.Valid(in) || json.Unmarshal(in, &want) != nil || in[0] != '"' || in[len(in)-1] != '"' {
			return
		}
		if got := Unquote(in); got != want {
			t.Errorf("Unquote(%s) = %q, want %q", in, got, want)
		}
		if got := Unquote(AppendQuoted(nil, want)); got != want {
			t.Errorf("%q is quoted as %s", want, AppendQuoted(nil, want))
		}
	})
}
