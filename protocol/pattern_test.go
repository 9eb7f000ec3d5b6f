package protocol_test

import (
	"regexp"
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestPatternsMatchWhatOneOfThemMatches(t *testing.T) {
	fork := protocol.Patterns{"private-fork-7-*", "status-fork-7"}
	for name, want := range map[string]bool{
		"private-fork-7-log": true, "private-fork-7-": true, "status-fork-7": true,
		"private-fork-7": false, "private-fork-77-log": false, "status-fork-70": false, "": false,
		"#server-to-user-u1": false,
	} {
		if fork.Match(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
		if !protocol.Patterns(nil).Match(name) {
			t.Errorf("no patterns do not match %q", name)
		}
		if (protocol.Patterns{}).Match(name) {
			t.Errorf("an empty list matches %q", name)
		}
	}
}

// A pattern matches what a regular expression does that says the same.
func FuzzMatches(f *testing.F) {
	f.Add("private-fork-*", "private-fork-7")
	f.Add("a*b*a", "abba")
	f.Add("**", "")
	f.Add("a.c*", "abc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern)+len(name) > 1000 {
			return
		}
		parts := strings.Split(pattern, "*")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		says, err := regexp.Compile(`\A(?s:` + strings.Join(parts, `.*`) + `)\z`)
		if err != nil || strings.ToValidUTF8(pattern+name, "") != pattern+name {
			return // expressions are UTF-8
		}
		if got := protocol.Matches(pattern, name); got != says.MatchString(name) {
			t.Errorf("%q and %q: %v", pattern, name, got)
		}
	})
}
