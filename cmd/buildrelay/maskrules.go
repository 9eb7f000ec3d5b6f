package main

import (
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

// MaskRules is the setting that says how events are masked.
type MaskRules protocol.MaskRules

// UnmarshalText reads rules as [appsfile.ParseMaskRules] does.
func (r *MaskRules) UnmarshalText(text []byte) error {
	rules, err := appsfile.ParseMaskRules(string(text))
	*r = MaskRules(rules)
	return err
}
