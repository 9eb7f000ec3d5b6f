package authorize_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/authorize"
)

func TestAPatternCarvesANameInOneWayOrNone(t *testing.T) {
	t.Parallel()
	type fields = map[string]string
	for _, tt := range []struct {
		pattern, name string
		want          fields // nil: the name is not of the pattern
	}{
		{"private-build-{owner}-{repo}-{build}", "private-build-acme-site-7", fields{"owner": "acme", "repo": "site", "build": "7"}},
		{"private-build-{owner}-{repo}-{build}", "private-build-my-org-site-7", nil},
		{"private-build-{owner}-{repo}-{build}", "private-build-acme-site-7-8", nil},
		{"private-build-{owner}-{repo}-{build}", "private-build-acme-site", nil},
		{"private-build-{owner}-{repo}-{build}", "private-build-acme--7", nil},
		{"private-build-{owner}-{repo}-{build}", "private-build--site-7", nil},
		{"private-build-{owner}-{repo}-{build}", "private-build-acme-site-", nil},
		{"private-build-{owner}-{repo}-{build}", "presence-build-acme-site-7", nil},
		{"private-build-{owner}-{repo}-{build}", "Private-build-acme-site-7", nil},
		{"private-build-{owner}-{repo}-{build}", "xprivate-build-acme-site-7", nil},
		{"private-build-{owner};{repo};{build}", "private-build-my-org;my.site;7", fields{"owner": "my-org", "repo": "my.site", "build": "7"}},
		{"private-build-{owner};{repo};{build}", "private-build-my-org;my;site;7", nil},
		{"private-build-{id}", "private-build-a-b;c", fields{"id": "a-b;c"}},
		{"private-build-{id}", "private-build-", nil},
		{"private-{a}-x-{b}", "private-1-x-2", fields{"a": "1", "b": "2"}},
		{"private-{a}-x-{b}", "private-x-x-x", fields{"a": "x", "b": "x"}},
		{"private-{a}-x-{b}", "private-1-2-x-3", nil},
		{"presence-{build}.log", "presence-7.log", fields{"build": "7"}},
		{"presence-{build}.log", "presence-7.log.log", nil},
		{"presence-{build}.log", "presence-7.logs", nil},
		{"private-list", "private-list", fields{}},
		{"private-list", "private-list2", nil},
	} {
		p, err := authorize.ParsePattern(tt.pattern)
		if err != nil {
			t.Fatalf("%s: %v", tt.pattern, err)
		}
		got, ok := p.Carve(tt.name)
		if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != nil) {
			t.Errorf("%s of %s: %v (- wanted, + got):\n%s", tt.name, tt.pattern, ok, diff)
		}
	}
}

func TestAPatternThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"build-{a}":                        "it must begin with private- or presence-",
		"{a}":                              "it must begin with private- or presence-",
		"priv{a}":                          "it must begin with private- or presence-",
		"#server-to-user-{a}":              "it must begin with private- or presence-",
		"cache-{a}":                        "it must begin with private- or presence-",
		"private-encrypted-{a}":            "not with private-encrypted-",
		"private-encrypted-cache-{a}":      "not with private-encrypted-",
		"private-{a}{b}":                   "behind {a} must stand one of",
		"private-{a}x{b}":                  "behind {a} must stand one of",
		"private-{a}log":                   "behind {a} must stand one of",
		"private-{a":                       "a { is not closed",
		"private-a}":                       "a name is made of",
		"private-{a}-{a}":                  "{a} comes twice",
		"private-{}":                       "a field's name",
		"private-{A}":                      "a field's name",
		"private-{1a}":                     "a field's name",
		"private-{a-b}":                    "a field's name",
		"private-{a}-{{b}}":                "a field's name",
		"private-*":                        "a name is made of",
		"private-a:b":                      "a name is made of",
		"private-" + manyFields(11):        "more than 10 fields",
		"private-build-{owner}/{repo}-{b}": "a name is made of",
	} {
		_, err := authorize.ParsePatterns("private-good " + pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", pattern, err, want)
		}
	}
	if _, err := authorize.ParsePattern("private-" + manyFields(10)); err != nil {
		t.Errorf("ten fields: %v", err)
	}
}

func manyFields(n int) string {
	var fields []string
	for i := range n {
		fields = append(fields, "{f"+string(rune('a'+i))+"}")
	}
	return strings.Join(fields, "-")
}

// What is carved out, filled in again, is the name; so two names never give the same fields. And
// whatever a pattern's fields are filled with that may be in them is what is carved out.
func FuzzAPatternIsNotAmbiguous(f *testing.F) {
	f.Add("private-build-{owner};{repo};{build}", "private-build-my-org;site;7", "my-org", "site")
	f.Add("private-{a}-x-{b}", "private-x-x-x", "x", "-x-")
	f.Add("presence-{a}.log", "presence-7.log.log", "7.log", "")
	f.Fuzz(func(t *testing.T, pattern, name, first, others string) {
		p, err := authorize.ParsePattern(pattern)
		if err != nil {
			return
		}
		if fields, ok := p.Carve(name); ok {
			if again := fill(pattern, func(field string) string { return fields[field] }); again != name {
				t.Errorf("%q of %q: %q, which is %q", name, pattern, fields, again)
			}
			if kind := protocol.KindOf(name); kind.Encrypted() && protocol.KindOf(pattern).Encrypted() || !kind.NeedsAuth() || kind == protocol.User {
				t.Errorf("%q takes %q", pattern, name)
			}
		}
		want := map[string]string{}
		made := fill(pattern, func(field string) string {
			want[field] = others
			if len(want) == 1 {
				want[field] = first
			}
			return want[field]
		})
		got, ok := p.Carve(made)
		if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Errorf("%q of %q is carved in another way (- filled in, + got):\n%s", made, pattern, diff)
		}
	})
}

// fill fills in a pattern's fields.
func fill(pattern string, value func(field string) string) string {
	var b strings.Builder
	for {
		before, rest, more := strings.Cut(pattern, "{")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		field, behind, _ := strings.Cut(rest, "}")
		b.WriteString(value(field))
		pattern = behind
	}
}
