package protocol

// DefaultMaskField is the member of the data of pipe's events that has the output.
const DefaultMaskField = "text"

// MaskRule says how the events of channels are masked whose names match Pattern.
type MaskRule struct {
	// Pattern is one of [Patterns].
	Pattern string
	// Field is the top-level member of data that is JSON which goes on from event to event.
	Field string
	// Shapes has tokens masked that are known by their form, where nothing is registered, too.
	Shapes bool
	// Notice has the readers of a channel told that something was masked.
	Notice bool
}

// NewMaskRule returns the rule for a pattern that does nothing yet.
func NewMaskRule(pattern string) MaskRule { return MaskRule{Pattern: pattern, Field: DefaultMaskField} }

// MaskRules are the rules of one app, the first that matches counts.
type MaskRules []MaskRule

// Find returns the rule for a channel, nil where none matches.
func (rules MaskRules) Find(channel string) *MaskRule {
	for i := range rules {
		if Matches(rules[i].Pattern, channel) {
			return &rules[i]
		}
	}
	return nil
}
