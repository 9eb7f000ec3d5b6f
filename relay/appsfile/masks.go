package appsfile

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"buildrelay/protocol"
)

// ParseMaskRules reads rules with ";" between them. Each is a pattern and, behind spaces, what
// differs from the defaults:
//
//	private-build-* field=log shapes=on notice=on; private-status-* field=line
func ParseMaskRules(text string) (protocol.MaskRules, error) {
	var rules protocol.MaskRules
	for rule := range strings.SplitSeq(text, ";") {
		words := strings.Fields(rule)
		if len(words) == 0 {
			continue
		}
		parsed, err := parseMaskRule(words[0], words[1:])
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", strings.TrimSpace(rule), err)
		}
		rules = append(rules, parsed)
	}
	return rules, nil
}

func parseMaskRule(pattern string, options []string) (protocol.MaskRule, error) {
	rule := protocol.NewMaskRule(pattern)
	if err := checkPattern(pattern); err != nil {
		return rule, fmt.Errorf("%q %w", pattern, err)
	}
	seen := map[string]bool{}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		set := maskOption(&rule, name)
		switch {
		case set == nil:
			return rule, fmt.Errorf("%q is none of field=, shapes= and notice=", option)
		case seen[name]:
			return rule, fmt.Errorf("%s= is there twice", name)
		}
		seen[name] = true
		if err := set(value); err != nil {
			return rule, fmt.Errorf("%s: it %w", option, err)
		}
	}
	return rule, nil
}

// mostField is how long the name of a member may be, in bytes.
const mostField = 100

// maskOption returns what sets an option of a rule; nil where there is none of that name.
func maskOption(rule *protocol.MaskRule, name string) func(value string) error {
	switch name {
	case "field":
		return func(value string) error {
			if !consists(value, mostField, "_-.") {
				return errors.New("must be the name of a member: letters, digits, _, - and ., at most 100 of them")
			}
			rule.Field = value
			return nil
		}
	case "shapes":
		return onOrOff(&rule.Shapes)
	case "notice":
		return onOrOff(&rule.Notice)
	default:
		return nil
	}
}

func onOrOff(to *bool) func(string) error {
	return func(value string) error {
		if value != "on" && value != "off" {
			return errors.New("must be on or off")
		}
		*to = value == "on"
		return nil
	}
}

// maskRule reads a rule of an app.
func (r *reader) maskRule(n *yaml.Node, path string) protocol.MaskRule {
	rule := protocol.NewMaskRule("")
	fields := []field{{"channels", r.value(func(text string) error {
		rule.Pattern = text
		return checkPattern(text)
	})}}
	fields = append(fields,
		field{"field", r.value(maskOption(&rule, "field"))}, field{"shapes", r.value(truth(&rule.Shapes))}, field{"notice", r.value(truth(&rule.Notice))})
	if there := r.fields(n, path, fields); n.Kind == yaml.MappingNode && there["channels"] == nil {
		r.fault(n, path+".channels", "it is missing; it must be a channel name with * for any characters")
	}
	return rule
}
