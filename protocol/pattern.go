package protocol

import (
	"slices"
	"strings"
)

// Patterns are names of channels in which each * stands for any characters, or none. Nil
// matches any channel.
type Patterns []string

// Match says whether one of the patterns matches the name.
func (p Patterns) Match(name string) bool {
	return p == nil || slices.ContainsFunc(p, func(pattern string) bool { return Matches(pattern, name) })
}

// Matches says whether a name is a pattern's, in which each * stands for any characters, or
// none. It takes the parts between the stars as early as it can, which finds a match where there
// is one.
func Matches(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	name, ok := strings.CutPrefix(name, first)
	if !star {
		return ok && name == ""
	}
	for ok && star {
		var part string
		part, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(name, part)
		}
		_, name, ok = strings.Cut(name, part)
	}
	return ok
}
