package outlet

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"buildrelay/relay/audit"
)

const (
	// priority is of facility 13, log audit, and of severity 6, informational.
	priority = 13*8 + 6
	appName  = "buildrelay"
	// headAction is the MSGID of a head.
	headAction = "relay.audit.head"
	// mostSequence is the last number that a sequenceId may be; 1 comes after it.
	mostSequence = 1<<31 - 1
	mostHostname = 255
	mostMsgID    = 32
	microseconds = "2006-01-02T15:04:05.999999Z07:00"
)

// recordMessage is a record as RFC 5424 has it. MSG is its line, byte for byte; what receives
// it sees by the sequenceId (section 7.3.1) that one is missing.
func recordMessage(s audit.Stored) (string, error) {
	return message(s.Chain, s.Action, s.Seq, s.OccurredAt, string(s.Line))
}

func headMessage(head audit.Head) (string, error) {
	line, err := json.Marshal(head)
	if err != nil {
		return "", fmt.Errorf("writing a head down: %w", err)
	}
	return message(head.Chain, headAction, head.Seq, head.At, string(line))
}

func message(chain, action string, seq int64, at time.Time, text string) (string, error) {
	var m rfc5424.SyslogMessage
	m.SetPriority(priority)
	m.SetVersion(1)
	m.SetTimestamp(at.UTC().Format(microseconds))
	m.SetHostname(printable(chain, mostHostname))
	m.SetAppname(appName)
	m.SetMsgID(printable(action, mostMsgID))
	m.SetParameter("meta", "sequenceId", strconv.FormatInt((seq-1)%mostSequence+1, 10))
	m.SetMessage(text)
	written, err := m.String()
	if err != nil {
		return "", fmt.Errorf("writing a syslog message: %w", err)
	}
	return written, nil
}

// printable makes text fit for a field of a syslog message: printable ASCII without spaces.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, text)
	return text[:min(len(text), most)]
}
