package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"buildrelay/protocol"
)

// LogRules is the setting that says which channels are log channels.
type LogRules protocol.LogRules

// UnmarshalText reads rules with ";" between them. Each is a pattern and, behind
// spaces, what differs from the defaults:
//
//	private-build-* replay=all events=20000 bytes=8MiB keep=24h; private-status-*
func (r *LogRules) UnmarshalText(text []byte) error {
	for rule := range strings.SplitSeq(string(text), ";") {
		words := strings.Fields(rule)
		if len(words) == 0 {
			continue
		}
		parsed, err := parseLogRule(words[0], words[1:])
		if err != nil {
			return fmt.Errorf("rule %q: %w", strings.TrimSpace(rule), err)
		}
		*r = append(*r, parsed)
	}
	return nil
}

func parseLogRule(pattern string, options []string) (protocol.LogRule, error) {
	rule := protocol.NewLogRule(pattern)
	if err := protocol.CheckChannel(strings.ReplaceAll(pattern, "*", "x"), protocol.MaxChannelName); err != nil {
		return rule, fmt.Errorf("%q is no channel name with * for any characters", pattern)
	}
	for _, option := range options {
		if err := setLogOption(&rule, option); err != nil {
			return rule, err
		}
	}
	return rule, nil
}

// maxKeep is the longest that the append script accepts.
const maxKeep = 3650 * 24 * time.Hour

func setLogOption(rule *protocol.LogRule, option string) (err error) {
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "replay":
		rule.Replay, err = parseReplay(value)
	case "events":
		if rule.Events, err = strconv.Atoi(value); err != nil || rule.Events < 1 {
			err = fmt.Errorf("events=%s: it must be a whole number of at least 1", value)
		}
	case "bytes":
		var bytes Bytes
		if err = bytes.UnmarshalText([]byte(value)); err == nil && bytes < protocol.MaxRedisData {
			err = fmt.Errorf("bytes=%s: it must be at least 128KiB, the size of the largest event", value)
		}
		rule.Bytes = int64(bytes)
	case "keep":
		if rule.Keep, err = time.ParseDuration(value); err != nil || rule.Keep < time.Second || rule.Keep > maxKeep {
			err = fmt.Errorf("keep=%s: it must be a time such as 90m or 24h, of at most ten years", value)
		}
	default:
		err = fmt.Errorf("%q is none of replay=, events=, bytes= and keep=", option)
	}
	return err
}

// parseReplay reads none, all, a number of events or an amount of memory.
func parseReplay(value string) (protocol.Start, error) {
	switch value {
	case "none":
		return protocol.Start{}, nil
	case "all":
		return protocol.Start{Kind: protocol.StartFirst}, nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
		return protocol.Start{Kind: protocol.StartCount, N: n}, nil
	}
	var bytes Bytes
	if err := bytes.UnmarshalText([]byte(value)); err != nil || bytes == 0 {
		return protocol.Start{}, fmt.Errorf("replay=%s: it must be none, all, a number of events, or an amount such as 64KiB", value)
	}
	return protocol.Start{Kind: protocol.StartBytes, N: int64(bytes)}, nil
}
