package authorize

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"buildrelay/protocol"
)

// mostFields is how many fields a pattern may have.
const mostFields = 10

// Patterns are the forms of the names of channels that may be asked for at all. No name is of two.
type Patterns []Pattern

// Pattern is a form of names, such as "private-build-{owner}-{repo}-{build}". A field is one or
// more characters of which none stands between two fields, or behind the last: so a name is of
// a pattern in one way or in none, and nobody gets at another's channel by a hyphen in his name.
// The zero value matches nothing.
type Pattern struct {
	text   string
	before string
	fields []field
	ends   string // the characters that are in no field
}

// field is one of a pattern's, and what stands behind it.
type field struct{ name, behind string }

// ParsePatterns reads patterns with spaces between them. No channel's name may be of two: whoever
// chooses a name would choose by which it is decided.
func ParsePatterns(text string) (Patterns, error) {
	var patterns Patterns
	for word := range strings.FieldsSeq(text) {
		p, err := ParsePattern(word)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", word, err)
		}
		for _, other := range patterns {
			if name, shared := inBoth(other, p); shared {
				return nil, fmt.Errorf("%q: %s could be of %q as well: no channel may be of two", word, name, other.text)
			}
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// ParsePattern reads a pattern. It must be one of names of private or presence channels that
// are not encrypted.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	before, rest, more := strings.Cut(text, "{")
	p.before = before
	for more {
		var f field
		var closed bool
		if f.name, rest, closed = strings.Cut(rest, "}"); !closed {
			return Pattern{}, errors.New("a { is not closed")
		}
		f.behind, rest, more = strings.Cut(rest, "{")
		if err := p.add(f, more); err != nil {
			return Pattern{}, err
		}
	}
	return p, p.check()
}

// add adds a field; more says that another stands behind it.
func (p *Pattern) add(f field, more bool) error {
	if !isFieldName(f.name) {
		return fmt.Errorf("{%s}: a field's name is made of a-z, 0-9 and _, and begins with a letter", f.name)
	}
	for _, other := range p.fields {
		if other.name == f.name {
			return fmt.Errorf("{%s} comes twice", f.name)
		}
	}
	if more && f.behind == "" || f.behind != "" && isAlphanumeric(f.behind[0]) {
		return fmt.Errorf("behind {%s} must stand one of _-=@,.; which then is in no field", f.name)
	}
	if len(p.fields) == mostFields {
		return fmt.Errorf("it has more than %d fields", mostFields)
	}
	for _, c := range []byte(f.behind) {
		if !isAlphanumeric(c) {
			p.ends += string(c)
		}
	}
	p.fields = append(p.fields, f)
	return nil
}

// check looks at the pattern as a whole: with its fields filled in it must name a channel.
func (p *Pattern) check() error {
	example := p.before
	for _, f := range p.fields {
		example += "x" + f.behind
	}
	if err := protocol.CheckChannel(example, len(example)); err != nil {
		return errors.New("a name is made of A-Z a-z 0-9 _-=@,.; and of {fields}")
	}
	if !signable(example) || !signable(p.before) {
		return errors.New("it must begin with private- or presence-, not with private-encrypted-")
	}
	return nil
}

// signable says whether channels of this name are ours to sign: anybody may read public ones,
// the keys of encrypted ones are the backend's, and a user's channel comes with signing in.
func signable(channel string) bool {
	kind := protocol.KindOf(channel)
	return kind == protocol.Private || kind == protocol.PrivateCache || kind.Presence()
}

// Carve returns what the pattern carves out of a channel's name; nil and false where it is none of
// the pattern's.
func (p *Pattern) Carve(channel string) (fields map[string]string, ok bool) {
	rest, ok := strings.CutPrefix(channel, p.before)
	if !ok || p.text == "" {
		return nil, false
	}
	fields = make(map[string]string, len(p.fields))
	for _, f := range p.fields {
		end := strings.IndexAny(rest, p.ends)
		if end < 0 {
			end = len(rest)
		}
		fields[f.name], rest = rest[:end], rest[end:]
		if rest, ok = strings.CutPrefix(rest, f.behind); !ok || fields[f.name] == "" {
			return nil, false
		}
	}
	if rest != "" {
		return nil, false
	}
	return fields, true
}

// has says whether the pattern has a field.
func (p *Pattern) has(name string) bool {
	return slices.ContainsFunc(p.fields, func(f field) bool { return f.name == name })
}

// carve is that of the pattern that the name is of.
func (p Patterns) carve(channel string) (pattern string, fields map[string]string, ok bool) {
	for i := range p {
		if fields, ok = p[i].Carve(channel); ok {
			return p[i].text, fields, true
		}
	}
	return "", nil, false
}

func isFieldName(name string) bool {
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
