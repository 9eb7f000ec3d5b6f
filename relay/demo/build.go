package demo

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"buildrelay/relay/pipe"
)

// listChannel carries build:updated, whose data is a [Build].
const (
	listChannel    = "private-builds"
	buildPrefix    = "private-build-"  // and the build's id
	watchersPrefix = "presence-build-" // and the build's id: who watches it
	eventUpdated   = "build:updated"
)

// maxText bounds, in bytes, the command and the newest line of a build, so that
// one fits any event.
const maxText = 300

// Status is how far a build is.
type Status string

// What becomes of a build.
const (
	Running  Status = "running"
	Passed   Status = "passed"
	Failed   Status = "failed"
	Canceled Status = "canceled" // stopped by us
)

// Build is what the list shows of one build.
type Build struct {
	ID       int64  `json:"id"` // from 1
	Channel  string `json:"channel"`
	Command  string `json:"command"`
	Status   Status `json:"status"`
	Started  int64  `json:"started"`   // ms since the epoch
	Finished *int64 `json:"finished"`  // ms since the epoch; nil while it runs
	ExitCode *int   `json:"exit_code"` // nil while it runs, or if a signal killed it
	Line     string `json:"line"`      // the newest that is not empty, plain text
}

func channelOf(id int64) string { return buildPrefix + strconv.FormatInt(id, 10) }

// commandLine returns a command as one would type it.
func commandLine(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		words[i] = word
		if word == "" || strings.ContainsFunc(word, needsQuotes) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return clip(pipe.Plain([]byte(strings.Join(words, " "))))
}

func needsQuotes(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("\"'`$&|;<>()*?[]{}~#!\\", r)
}

// clip shortens text to maxText bytes, between two characters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText - len("…")
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
