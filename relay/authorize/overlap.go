package authorize

import "strings"

// step is a character of a pattern, or a field.
type step struct {
	char  byte
	field bool
	ends  string // what is in no field
}

// steps are what a name goes through from its beginning to its end: each takes a character, and a field
// as many as it can have.
func (p *Pattern) steps() (all []step) {
	text := func(s string) {
		for _, c := range []byte(s) {
			all = append(all, step{char: c})
		}
	}
	text(p.before)
	for _, f := range p.fields {
		all = append(all, step{field: true, ends: p.ends})
		text(f.behind)
	}
	return all
}

// common is a character that both steps take, if there is one.
func (s step) common(other step) (c byte, ok bool) {
	switch {
	case s.field && other.field:
		return 'x', true // no letter ends a field
	case s.field:
		return other.char, !strings.Contains(s.ends, string(other.char))
	case other.field:
		return s.char, !strings.Contains(other.ends, string(s.char))
	default:
		return s.char, s.char == other.char
	}
}

// inBoth is a name that is of both patterns, if there is one.
func inBoth(a, b Pattern) (name string, ok bool) {
	one, other := a.steps(), b.steps()
	seen := make(map[[2]int]bool) // how far in each: from there is nothing
	var walk func(i, j int) (string, bool)
	walk = func(i, j int) (string, bool) {
		if i == len(one) || j == len(other) {
			return "", i == len(one) && j == len(other)
		}
		c, ok := one[i].common(other[j])
		if !ok || seen[[2]int{i, j}] {
			return "", false
		}
		seen[[2]int{i, j}] = true
		rest, ok := walk(i+1, j+1)
		if !ok && one[i].field {
			rest, ok = walk(i, j+1)
		}
		if !ok && other[j].field {
			rest, ok = walk(i+1, j)
		}
		return string(c) + rest, ok
	}
	return walk(0, 0)
}
