package authorize

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// wholeName is the field of a claim's value that is the channel's name.
const wholeName = "channel"

// Claims are what a token must say of its owner, so that it may watch a channel: all of them. The
// zero value asks for nothing.
type Claims []claim

// claim is a member of the token's, and what it must be, or have among its values.
type claim struct {
	name  string
	open  bool // a * at the end of a value stands for anything
	parts []claimPart
}

// claimPart is a text, or a field that stands for a text.
type claimPart struct{ text, field string }

// ParseClaims reads claims with spaces between them, such as repositories={owner}/{repo}. With ~= a token
// may have a * at the end of a value that stands for anything: that is for claims that nobody chooses
// himself, as everything is his who may be called "*". Their fields
// are those of the patterns, which all must have them, and {channel}, the whole name. Two channels
// must not come to one value by where a field ends: between two fields stands a character that is in
// neither.
func ParseClaims(text string, patterns Patterns) (Claims, error) {
	var claims Claims
	for word := range strings.FieldsSeq(text) {
		c, err := parseClaim(word)
		if err == nil {
			err = c.check(patterns)
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", word, err)
		}
		claims = append(claims, c)
	}
	return claims, nil
}

func parseClaim(word string) (claim, error) {
	name, value, ok := strings.Cut(word, "=")
	name, open := strings.CutSuffix(name, "~")
	if !ok || name == "" || value == "" {
		return claim{}, errors.New("it must be a claim's name, = and a value, such as repositories={owner}/{repo}")
	}
	c := claim{name: name, open: open}
	text, rest, more := strings.Cut(value, "{")
	c.addText(text)
	for more {
		field, behind, closed := strings.Cut(rest, "}")
		if !closed || !isFieldName(field) {
			return claim{}, errors.New("a { is not closed, or what it encloses is no field's name")
		}
		c.parts = append(c.parts, claimPart{field: field})
		text, rest, more = strings.Cut(behind, "{")
		c.addText(text)
	}
	if strings.ContainsAny(value, "*") {
		return claim{}, errors.New("a * stands for anything in a token alone, and where ~= is behind the claim's name")
	}
	return c, nil
}

func (c *claim) addText(text string) {
	if text != "" {
		c.parts = append(c.parts, claimPart{text: text})
	}
}

// check looks whether the claim means one thing for channels of each pattern.
func (c *claim) check(patterns Patterns) error {
	for _, p := range patterns {
		for _, field := range c.fields() {
			switch own := p.has(field); {
			case field == wholeName && own:
				return fmt.Errorf("{%s} is the whole name here: the field of %s must be called otherwise", field, p.text)
			case field != wholeName && !own:
				return fmt.Errorf("{%s} is no field of %s", field, p.text)
			}
		}
		if err := c.checkBetween(p); err != nil {
			return err
		}
	}
	return nil
}

// checkBetween looks whether fields can be told apart in the value.
func (c *claim) checkBetween(p Pattern) error {
	for i, part := range c.parts {
		if part.field == "" || i+1 == len(c.parts) {
			continue
		}
		next, behind := c.parts[i+1], ""
		if next.text != "" && i+2 < len(c.parts) {
			next, behind = c.parts[i+2], next.text
		}
		if next.field != "" && !strings.ContainsFunc(behind, func(r rune) bool { return outside(r, p, part.field, next.field) }) {
			return fmt.Errorf("between {%s} and {%s} must stand a character that is in neither of them in %s, such as /", part.field, next.field, p.text)
		}
	}
	return nil
}

// outside says whether a character is in none of the fields, in channels of the pattern.
func outside(r rune, p Pattern, fields ...string) bool {
	if r >= 0x80 || !isAlphanumeric(byte(r)) && !strings.ContainsRune("_-=@,.;", r) {
		return true // no channel's name has it
	}
	return strings.ContainsRune(p.ends, r) && !slices.Contains(fields, wholeName)
}

func (c *claim) fields() (names []string) {
	for _, part := range c.parts {
		if part.field != "" {
			names = append(names, part.field)
		}
	}
	return names
}

// check looks whether a token with these members says what is asked for. Who wants to sign in has no
// channel: then those claims count that have no field.
func (all Claims) check(members map[string]json.RawMessage, q Question) error {
	for _, c := range all {
		if q.Channel == "" && len(c.fields()) > 0 {
			continue
		}
		if !c.holds(members[c.name], c.value(q)) {
			return refuseToken("its claim " + c.name + " does not say so")
		}
	}
	return nil
}

// value is what the token must have for the channel.
func (c *claim) value(q Question) string {
	var value strings.Builder
	for _, part := range c.parts {
		switch part.field {
		case "":
			value.WriteString(part.text)
		case wholeName:
			value.WriteString(q.Channel)
		default:
			value.WriteString(q.Fields[part.field])
		}
	}
	return value.String()
}

// holds says whether a member is the value, or a list that has it. A list of anything but strings
// has nothing.
func (c *claim) holds(member json.RawMessage, value string) bool {
	var one string
	if len(member) > 0 && member[0] == '"' && json.Unmarshal(member, &one) == nil {
		return c.covers(one, value)
	}
	var list []*string
	if len(member) == 0 || member[0] != '[' || json.Unmarshal(member, &list) != nil || slices.Contains(list, nil) {
		return false
	}
	return slices.ContainsFunc(list, func(entry *string) bool { return c.covers(*entry, value) })
}

// covers says whether a text of a token is the value.
func (c *claim) covers(text, value string) bool {
	if begin, open := strings.CutSuffix(text, "*"); open && c.open {
		return strings.HasPrefix(value, begin)
	}
	return text == value
}
