package main

import (
	"buildrelay/protocol"
	"buildrelay/relay/appsfile"
)

// LogRules is the setting that says which channels are log channels.
type LogRules protocol.LogRules

// UnmarshalText reads rules as [appsfile.ParseLogRules] does.
func (r *LogRules) UnmarshalText(text []byte) error {
	rules, err := appsfile.ParseLogRules(string(text))
	*r = LogRules(rules)
	return err
}
