package mask

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// jsonEncoder is one who writes strings of JSON.
type jsonEncoder struct {
	escape string // what it escapes as \u003c, beside what it must
	ascii  bool   // and all that is not ASCII
	upper  bool   // as \u003C
	slash  bool   // as \/
}

// jsonEncoders are the usual ones, where they differ.
func jsonEncoders() []jsonEncoder {
	return []jsonEncoder{
		{},                            // JSON.stringify, jq
		{escape: "<>&\u2028\u2029"},   // Go, Rails
		{escape: "<>&='\u2028\u2029"}, // Gson
		{ascii: true, escape: "\x7f"}, // Python
		{ascii: true},                 // jq -a
		{slash: true},                 // PHP, if told to leave other alphabets alone
		{slash: true, ascii: true},    // PHP
		{upper: true, ascii: true},    // Jackson, if told to write ASCII
		{upper: true, escape: "<>&"},  // Django's pages
		{upper: true, ascii: true, escape: "\"&'+<>`\x7f"}, // .NET
	}
}

// jsonForms are a value inside a string of JSON.
func jsonForms(v string) (all []string) {
	for _, e := range jsonEncoders() {
		all = append(all, e.inside(v))
	}
	return all
}

// insideJSON is a text inside a JSON string.
func insideJSON(v string) string { return jsonEncoder{}.inside(v) }

func (e jsonEncoder) inside(v string) string {
	var b strings.Builder
	for _, r := range v {
		const short = "\b\f\n\r\t"
		i := strings.IndexRune(short, r)
		switch {
		case i >= 0:
			b.WriteString(`\` + "bfnrt"[i:i+1])
		case r < ' ' || e.ascii && r > 0x7f || strings.ContainsRune(e.escape, r):
			b.WriteString(e.units(r))
		case r == '"' || r == '\\' || r == '/' && e.slash:
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// units is a character as \u escapes, two where it has two UTF-16 code units.
func (e jsonEncoder) units(r rune) (escaped string) {
	format := `\u%04x`
	if e.upper {
		format = `\u%04X`
	}
	for _, unit := range utf16.AppendRune(nil, r) {
		escaped += fmt.Sprintf(format, unit)
	}
	return escaped
}
