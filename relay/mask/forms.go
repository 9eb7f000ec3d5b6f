package mask

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// forms returns the ways in which programs print a value: as it is, and encoded. They
// are as the views have them, without line ends.
func forms(v string) []string {
	lower := hex.EncodeToString([]byte(v))
	all := []string{v, lower, strings.ToUpper(lower)}
	all = append(all, base64Forms(v)...)
	all = append(all, urlForms(v)...)
	all = append(all, htmlForms(v)...)
	all = append(all, shellForms(v)...)
	for _, quoted := range distinct(quotedForms(v)) {
		all = append(all, quoted, insideJSON(quoted))
		all = append(all, shellForms(quoted)...) // curl --data '{"token":…}'
	}
	var patterns []string
	for _, form := range all {
		if form = joined(form); len(form) >= minLength {
			patterns = append(patterns, form)
		}
	}
	return distinct(patterns)
}

// distinct sorts texts and drops repetitions: encoders agree on most values.
func distinct(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// base64Forms are the characters of a value's base64 that depend on nothing but the
// value, wherever it begins in what is encoded: there are three places to begin.
func base64Forms(v string) []string {
	var all []string
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), v...))
		text = text[(8*shift+5)/6 : 8*(shift+len(v))/6]
		all = append(all, text, base64URL.Replace(text))
	}
	return all
}

// htmlForms are a value in HTML or XML, as Go, Python and others write it there.
func htmlForms(v string) (all []string) {
	if !strings.ContainsAny(v, `&<>"'`) {
		return nil // it is as it is
	}
	for _, encoder := range htmlEncoders {
		all = append(all, encoder.Replace(v))
	}
	return all
}

// quotedForms are a value inside the string of a language: JSON, Go, Python, JavaScript.
func quotedForms(v string) []string {
	ascii := strconv.QuoteToASCII(v)
	return append(jsonForms(v), ascii[1:len(ascii)-1],
		repr.Replace(v))
}

// shellForms are a value as a shell shows it (set -x, printf %q), without the quotes
// around it.
func shellForms(v string) []string {
	return []string{
		strings.ReplaceAll(v, `'`, `'\''`),
		strings.ReplaceAll(v, `'`, `'"'"'`),
		inDoubleQuotes.Replace(v),
		backslashes(v, func(_, _ byte) bool { return true }),
		backslashes(v, func(c, before byte) bool { return before == 0 || homeAt(c, before) }),
		backslashes(v, homeAt), // behind other text
	}
}

// homeAt reports whether bash escapes a tilde, or a hash, that is not at the beginning.
func homeAt(c, before byte) bool { return c == '~' && (before == ':' || before == '=') }

// backslashes is what printf %q makes of a value. Shells differ in where they escape ~
// and #; before is zero at the beginning.
func backslashes(v string, escapes func(c, before byte) bool) string {
	var escaped strings.Builder
	var before byte
	for _, c := range []byte(v) {
		if (c == '~' || c == '#') && escapes(c, before) || strings.IndexByte(" \t!\"$&'()*,;<>?[\\]^`{|}", c) >= 0 {
			escaped.WriteByte('\\')
		}
		escaped.WriteByte(c)
		before = c
	}
	return escaped.String()
}
