package appsfile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"buildrelay/auth"
	"buildrelay/protocol"
)

// ParseLogRules reads rules with ";" between them. Each is a pattern and, behind spaces,
// what differs from the defaults:
//
//	private-build-* replay=all events=20000 bytes=8MiB keep=24h; private-status-*
func ParseLogRules(text string) (protocol.LogRules, error) {
	var rules protocol.LogRules
	for rule := range strings.SplitSeq(text, ";") {
		words := strings.Fields(rule)
		if len(words) == 0 {
			continue
		}
		parsed, err := parseLogRule(words[0], words[1:])
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", strings.TrimSpace(rule), err)
		}
		rules = append(rules, parsed)
	}
	return rules, nil
}

func parseLogRule(pattern string, options []string) (protocol.LogRule, error) {
	rule := protocol.NewLogRule(pattern)
	if err := checkPattern(pattern); err != nil {
		return rule, fmt.Errorf("%q %w", pattern, err)
	}
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		set := logOption(&rule, name)
		if set == nil {
			return rule, fmt.Errorf("%q is none of replay=, events=, bytes=, keep= and replicas=", option)
		}
		if err := set(value); err != nil {
			return rule, fmt.Errorf("%s: it %w", option, err)
		}
	}
	return rule, nil
}

func checkPattern(pattern string) error {
	if err := protocol.CheckChannel(strings.ReplaceAll(pattern, "*", "x"), protocol.MaxChannelName); err != nil {
		return errors.New("is no channel name with * for any characters")
	}
	return nil
}

// maxKeep is the longest that the append script accepts.
const maxKeep = 3650 * 24 * time.Hour

// maxReplicas is the most replicas that may be waited for.
const maxReplicas = 10

// logOption returns what sets an option of a rule; nil where there is none of that name.
func logOption(rule *protocol.LogRule, name string) func(value string) error {
	switch name {
	case "replay":
		return func(value string) (err error) {
			rule.Replay, err = parseReplay(value)
			return err
		}
	case "events":
		return func(value string) (err error) {
			if rule.Events, err = strconv.Atoi(value); err != nil || rule.Events < 1 {
				return errors.New("must be a whole number of at least 1")
			}
			return nil
		}
	case "bytes":
		return func(value string) error {
			var bytes Bytes
			if bytes.UnmarshalText([]byte(value)) != nil || bytes < protocol.MaxRedisData {
				return errors.New("must be an amount such as 8MiB, of at least 128KiB, the size of the largest event")
			}
			rule.Bytes = int64(bytes)
			return nil
		}
	case "keep":
		return func(value string) (err error) {
			if rule.Keep, err = time.ParseDuration(value); err != nil || rule.Keep < time.Second || rule.Keep > maxKeep {
				return errors.New("must be a time such as 90m or 24h, of at most ten years")
			}
			return nil
		}
	case "replicas":
		return func(value string) (err error) {
			if rule.Replicas, err = strconv.Atoi(value); err != nil || rule.Replicas < 0 || rule.Replicas > maxReplicas {
				return errors.New("must be a whole number from 0 to 10")
			}
			return nil
		}
	default:
		return nil
	}
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
		return protocol.Start{}, errors.New("must be none, all, a number of events, or an amount such as 64KiB")
	}
	return protocol.Start{Kind: protocol.StartBytes, N: int64(bytes)}, nil
}

// logRule reads a rule of an app.
func (r *reader) logRule(n *yaml.Node, path string) protocol.LogRule {
	rule := protocol.NewLogRule("")
	fields := []field{{"channels", r.value(func(text string) error {
		rule.Pattern = text
		return checkPattern(text)
	})}}
	for _, name := range []string{"replay", "events", "bytes", "keep", "replicas"} {
		fields = append(fields, field{name, r.value(logOption(&rule, name))})
	}
	if there := r.fields(n, path, fields); n.Kind == yaml.MappingNode && there["channels"] == nil {
		r.fault(n, path+".channels", "it is missing; it must be a channel name with * for any characters")
	}
	return rule
}

func sealMode(to *auth.Seal) func(string) error {
	return func(text string) error {
		if to.UnmarshalText([]byte(text)) != nil {
			return errors.New("must be off, accept-plain or required")
		}
		return nil
	}
}
