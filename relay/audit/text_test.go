package audit_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"buildrelay/relay/audit"
)

func TestCleanTextIsShortAndPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "",
		"main":                         "main",
		"a\x00b\r\nc\td\x7f\u0085e":    "abcde",
		"a\xffb\xc3":                   "ab",
		"a\u2028b\u2029c":              "abc",
		"a\u202eb\u2066c\u200fd":       "abcd",
		"=cmd|' /C calc'!A0":           "=cmd|' /C calc'!A0",
		strings.Repeat("a", 301):       strings.Repeat("a", 300),
		"a" + strings.Repeat("é", 200): "a" + strings.Repeat("é", 149), // no half one
	} {
		if got := audit.Clean(text); got != want {
			t.Errorf("Clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\xffb\r\n\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		got := audit.Clean(text)
		if len(got) > 300 || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\r\n\t\u2028\u202e") {
			t.Errorf("%q", got)
		}
		if audit.Clean(got) != got {
			t.Errorf("%q is not clean yet", got)
		}
	})
}

func TestIDsAreUUIDs(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-([48])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if first, second := audit.NewID(), audit.NewID(); first == second || !shape.MatchString(first) {
		t.Errorf("%q and %q", first, second)
	}
	seen := make(map[string][]string)
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"ab"}} {
		id := audit.NameID(parts...)
		if seen[id] != nil || !shape.MatchString(id) || id != audit.NameID(parts...) {
			t.Errorf("%q has the id %q, as %q has", parts, id, seen[id])
		}
		seen[id] = append(parts, ".")
	}
}
