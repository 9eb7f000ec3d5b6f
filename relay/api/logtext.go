package api

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"

	"buildrelay/protocol"
)

// The events of a build that are no output, see docs/PROTOCOL.md.
const (
	eventStarted  = "build:started"
	eventFinished = "build:finished"
)

// TextOf returns what an event adds to the text of its log: of data that is a JSON
// object the string "text", else the bytes of "base64"; other data as it is, as a
// line. lost is how many bytes the event says are missing in this place, 0 for none.
func TextOf(event, data string) (text []byte, lost int64) {
	if event == eventStarted || event == eventFinished {
		return nil, 0
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(data), &members) != nil || members == nil {
		return []byte(data + "\n"), 0
	}
	if s, ok := stringOf(members["text"]); ok {
		return []byte(s), 0
	}
	if s, ok := stringOf(members["base64"]); ok {
		if text, err := base64.StdEncoding.DecodeString(s); err == nil {
			return text, 0
		}
	}
	if lost, err := strconv.ParseInt(string(members["lost"]), 10, 64); err == nil && lost > 0 {
		return nil, lost
	}
	return nil, 0
}

// stringOf reads a JSON value that is a string.
func stringOf(value json.RawMessage) (s string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(value, &s) == nil
}

// LostText says that so many bytes are missing in the text.
func LostText(bytes int64) string {
	return plural(bytes, "1 byte of the output is", "%d bytes of the output are") + " missing: not published in time"
}

// Text says in words what is missing.
func (g *HistoryGap) Text() string {
	events := "events are"
	if g.Missing != nil {
		events = plural(*g.Missing, "1 event is", "%d events are")
	}
	switch g.Reason {
	case protocol.GapEpoch:
		return "the log up to here is gone: it expired, Redis lost it, or a new one took its place"
	case protocol.GapRollback:
		return "Redis lost the newest events up to here: what follows is the log from its beginning"
	case protocol.GapFork:
		return "Redis lost events up to here and took others in their place: what follows is the log from its beginning"
	case protocol.GapTrimmed:
		return events + " missing: the log does not keep them any more"
	default:
		return events + " missing: what Redis has there can't be read"
	}
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}

// logText is the text of a log as it grows. Where something is missing it has a
// notice, a line of its own.
type logText struct {
	out     []byte
	midLine bool // the text so far does not end with a line end
	notices int
}

func (t *logText) add(p part) {
	for _, r := range p.runs {
		t.addRun(r)
	}
}

func (t *logText) addRun(r run) {
	if r.gap != nil {
		t.notice(newGap(r.gap).Text())
	}
	for _, e := range r.entries {
		text, lost := TextOf(e.Name, e.Data)
		if lost > 0 {
			t.notice(LostText(lost))
		}
		t.write(text)
	}
}

func (t *logText) notice(text string) {
	if t.midLine {
		t.out = append(t.out, '\n')
	}
	t.write([]byte("=== buildrelay: " + text + " ===\n"))
	t.notices++
}

func (t *logText) write(text []byte) {
	if len(text) > 0 {
		t.out = append(t.out, text...)
		t.midLine = text[len(text)-1] != '\n'
	}
}

// take returns what was added since the last call.
func (t *logText) take() []byte {
	out := t.out
	t.out = nil
	return out
}
