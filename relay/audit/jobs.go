package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"buildrelay/protocol"
)

// Jobs are rules that make records of the status events of builds: which events, on which
// channels, say what of a job. Nil makes none. They do not change.
type Jobs []jobRule

type jobRule struct {
	// pattern is a channel's name in which each * stands for any characters, or none.
	pattern string
	actions map[string]string // by the name of the event
}

// jobActions returns the actions that may be derived.
func jobActions() []string {
	return []string{"workflow.job.approve", "workflow.job.finish", "workflow.job.scheduled", "workflow.job.start"}
}

// ParseJobs reads rules such as
//
//	private-build-* job:started=workflow.job.start job:finished=workflow.job.finish
//
// with semicolons between them: a channel's name with * for any characters, and after it
// events, each with its action. The first rule that matches the channel and has the event
// counts. A text without rules is nil.
func ParseJobs(text string) (Jobs, error) {
	var jobs Jobs
	for rule := range strings.SplitSeq(text, ";") {
		words := strings.Fields(rule)
		if len(words) == 0 {
			continue
		}
		parsed, err := parseJobRule(words[0], words[1:])
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", Clean(strings.TrimSpace(rule)), err)
		}
		jobs = append(jobs, parsed)
	}
	return jobs, nil
}

func parseJobRule(pattern string, events []string) (jobRule, error) {
	rule := jobRule{pattern, make(map[string]string, len(events))}
	name := strings.ReplaceAll(pattern, "*", "x")
	if strings.HasPrefix(name, "#") || protocol.CheckChannel(name, protocol.MaxChannelName) != nil {
		return rule, fmt.Errorf("%q is no channel name with * for any characters", Clean(pattern))
	}
	if len(events) == 0 {
		return rule, fmt.Errorf("after the channels it must say which events, as in job:started=%s", jobActions()[3])
	}
	for _, word := range events {
		event, action, err := parseJobEvent(word)
		if err != nil {
			return rule, err
		}
		if _, twice := rule.actions[event]; twice {
			return rule, fmt.Errorf("the event %q comes twice", event)
		}
		rule.actions[event] = action
	}
	return rule, nil
}

// parseJobEvent reads EVENT=ACTION. An event's name may hold "=", an action does not. What
// clients send themselves proves nothing.
func parseJobEvent(word string) (event, action string, err error) {
	at := strings.LastIndexByte(word, '=')
	if at < 1 {
		return "", "", fmt.Errorf("%q is no EVENT=ACTION, as in job:started=%s", Clean(word), jobActions()[3])
	}
	event, action = word[:at], word[at+1:]
	if !slices.Contains(jobActions(), action) {
		return "", "", fmt.Errorf("%q: %q is none of %s", Clean(word), Clean(action), strings.Join(jobActions(), ", "))
	}
	if strings.HasPrefix(event, "client-") {
		return "", "", fmt.Errorf("%q: events that begin with client- are sent by anybody who has joined the channel", Clean(word))
	}
	return event, action, nil
}

// find returns the action of an event on a channel, "" where there is none, as on all users'
// channels.
func (jobs Jobs) find(channel, event string) string {
	if strings.HasPrefix(channel, "#") {
		return ""
	}
	for _, rule := range jobs {
		action := rule.actions[event]
		if action == "" {
			continue
		}
		if matches, err := path.Match(rule.pattern, channel); matches && err == nil {
			return action
		}
	}
	return ""
}
