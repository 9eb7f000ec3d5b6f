package protocol_test

import (
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestAPatternMatchesWholeNames(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{pattern: "news", yes: []string{"news"}, no: []string{"", "new", "newss", "xnews", "NEWS"}},
		{pattern: "*", yes: []string{"", "a", "private-a"}},
		{pattern: "private-build-*", yes: []string{"private-build-", "private-build-7"}, no: []string{"private-build", "xprivate-build-7", "public"}},
		{pattern: "*-log", yes: []string{"-log", "a-log", "a-log-log"}, no: []string{"log", "a-logs", "a-log-"}},
		{pattern: "a*b", yes: []string{"ab", "axb", "abb", "a*b"}, no: []string{"a", "b", "aba", "ba"}},
		{pattern: "a*a", yes: []string{"aa", "aaa", "aba"}, no: []string{"a"}},
		{pattern: "a*b*c", yes: []string{"abc", "axxbxxc", "abbcc", "abcbc"}, no: []string{"acb", "ab", "bc", "abcb"}},
		{pattern: "a**c", yes: []string{"ac", "abc"}, no: []string{"a"}},
		{pattern: "*b*", yes: []string{"b", "abc"}, no: []string{"", "ac"}},
		{pattern: "a?c", yes: []string{"a?c"}, no: []string{"abc"}},
	}
	for _, test := range tests {
		rules := protocol.LogRules{{Pattern: test.pattern}}
		for _, name := range test.yes {
			if rules.Find(name) == nil {
				t.Errorf("%s does not match %q", test.pattern, name)
			}
		}
		for _, name := range test.no {
			if rules.Find(name) != nil {
				t.Errorf("%s matches %q", test.pattern, name)
			}
		}
	}
}

func TestTheFirstRuleThatMatchesCounts(t *testing.T) {
	rules := protocol.LogRules{{Pattern: "private-build-x", Events: 1}, {Pattern: "private-*", Events: 2}, {Pattern: "private-build-*", Events: 3}}
	for name, want := range map[string]int{"private-build-x": 1, "private-build-y": 2, "private-a": 2} {
		if rule := rules.Find(name); rule == nil || rule.Events != want {
			t.Errorf("%s: %+v, want the rule with %d", name, rule, want)
		}
	}
	if rule := rules.Find("public"); rule != nil {
		t.Errorf("public: %+v, want none", rule)
	}
	if rule := protocol.LogRules(nil).Find("a"); rule != nil {
		t.Errorf("without rules: %+v", rule)
	}
}

func TestChannelsWithMembersOrALastEventAreNoLogs(t *testing.T) {
	rules := protocol.LogRules{{Pattern: "*"}}
	for _, name := range []string{
		"presence-a", "presence-cache-a", "cache-a", "private-cache-a", "private-encrypted-cache-a", "#server-to-user-1",
	} {
		if rule := rules.Find(name); rule != nil {
			t.Errorf("%s: %+v, want none", name, rule)
		}
	}
	for _, name := range []string{"a", "private-a", "private-encrypted-a", "presence", "a-cache-"} {
		if rules.Find(name) == nil {
			t.Errorf("%s: no rule", name)
		}
	}
}

// A pattern of many stars takes no longer for it.
func TestManyStarsAreNoBurden(t *testing.T) {
	rules := protocol.LogRules{{Pattern: strings.Repeat("a*", 1000) + "b"}}
	if rules.Find(strings.Repeat("a", 100_000)) != nil {
		t.Error("a name without b matches")
	}
}
