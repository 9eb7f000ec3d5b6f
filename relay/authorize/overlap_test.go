package authorize_test

import (
	"strings"
	"testing"

	"buildrelay/relay/authorize"
)

// Of two patterns that one name is of the order would say by what it is decided, and whoever chooses
// names could choose.
func TestNoNameIsOfTwoPatterns(t *testing.T) {
	t.Parallel()
	for patterns, shared := range map[string]string{ // the name, or "" for none
		"private-{owner};{repo} private-{owner};{repo}":                       "private-x;x",
		"private-{id} private-{owner};{repo}":                                 "private-x;x",
		"private-{owner};{repo} private-{id}":                                 "private-x;x",
		"private-list private-{name}":                                         "private-list",
		"private-list private-list":                                           "private-list",
		"private-build-{owner};{repo} private-{kind}-{id}":                    "private-build-x;x",
		"private-{a}-y-{b} private-{c}-{d}-1":                                 "private-x-y-1",
		"private-{a}.log private-{b}-{c}":                                     "private-x-.log",
		"private-{a};{b} presence-{a} private-x-{a} presence-{b};{c}":         "private-x-;x",
		"private-build-{owner};{repo} private-build-{owner};{repo};{build}":   "",
		"private-build-{owner};{repo} presence-build-{owner};{repo}":          "",
		"private-build-{owner};{repo} private-log-{owner};{repo} private-all": "",
		"private-{a}-x private-{b}-y":                                         "",
		"private-{a}-x private-{b}-{c}-x":                                     "",
		"private-{a}.log private-{b}":                                         "private-x.log",
		"private-{a}.log private-{b};{c}.":                                    "",
		"":                                                                    "",
		"private-list":                                                        "",
	} {
		_, err := authorize.ParsePatterns(patterns)
		if (err == nil) != (shared == "") || err != nil && !strings.Contains(err.Error(), ": "+shared+" could be of ") {
			t.Errorf("%s: %v, want %q", patterns, err, shared)
		}
	}
}

// Two patterns go together only if no name is of both; and if they do not there is such a name.
func FuzzPatternsThatGoTogetherShareNoName(f *testing.F) {
	f.Add("private-{id}", "private-{owner};{repo}", "private-a;b")
	f.Add("private-{a}-y-{b}", "private-{c}-{d}-1", "private-x-y-1")
	f.Add("private-{a}.log", "private-{b}-{c}", "private-x-x.log")
	f.Fuzz(func(t *testing.T, one, other, name string) {
		a, err := authorize.ParsePattern(one)
		b, more := authorize.ParsePattern(other)
		if err != nil || more != nil {
			return
		}
		shared, found := authorize.InBoth(a, b)
		_, ofOne := a.Carve(name)
		_, ofOther := b.Carve(name)
		if ofOne && ofOther && !found {
			t.Errorf("%q is of %q and %q", name, one, other)
		}
		_, ofOne = a.Carve(shared)
		_, ofOther = b.Carve(shared)
		if found && (!ofOne || !ofOther) {
			t.Errorf("%q is not of both %q and %q", shared, one, other)
		}
	})
}
