package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"sync"

	"buildrelay/relay"
	"buildrelay/relay/audit"
)

// scriptedAuditor writes the records into the journal.
type scriptedAuditor struct {
	world *world
	mu    sync.Mutex
	state string // away: nothing can be confirmed; hangs: nor does anybody say so
}

// doAudit: audit on (the records are shown from now on), audit away, audit hangs.
func (w *world) doAudit(args []string) error {
	w.audit.mu.Lock()
	defer w.audit.mu.Unlock()
	w.audit.state = args[0]
	return nil
}

func (a *scriptedAuditor) Note(r audit.Record) { a.tell("", r) }

func (a *scriptedAuditor) Confirm(ctx context.Context, r audit.Record) error {
	a.mu.Lock()
	state := a.state
	a.mu.Unlock()
	switch state {
	case "away":
		return errAway
	case "hangs":
		<-ctx.Done()
		return ctx.Err()
	default:
		a.tell("! ", r)
		return nil
	}
}

func (a *scriptedAuditor) Refused(r audit.Record, reason, address string) {
	a.tell(fmt.Sprintf("? %s of %s: ", reason, address), r)
}

// bytesSent depends on how long the socket ids are.
var bytesSent = regexp.MustCompile(`"bytes_sent":[1-9][0-9]*`)

// tell writes a record: "!" before it says that it was waited for, "?" that it is sampled.
func (a *scriptedAuditor) tell(mark string, r audit.Record) {
	if _, err := audit.Encode(r); err != nil {
		a.world.t.Errorf("%s: %v", r.Action, err)
	}
	payload, err := json.Marshal(r.Payload)
	if err != nil {
		a.world.t.Error(err)
	}
	did := "did"
	if !r.Success {
		did = "did not"
	}
	line := fmt.Sprintf("%s%s %s %s to %s in %s %s", mark, describe(r.Actor), did, r.Action, describe(r.Target), describe(r.Scope), payload)
	a.world.events.add("audit: %s", bytesSent.ReplaceAllString(line, `"bytes_sent":…`))
}

func describe(e audit.Entity) string {
	if e.Name != "" && e.Name != e.ID {
		return fmt.Sprintf("%s %s (%s)", e.Type, e.ID, e.Name)
	}
	return e.Type + " " + e.ID
}

// clientFacts are those of all scripted clients.
func clientFacts() relay.Facts {
	return relay.Facts{
		Address: netip.MustParseAddr("192.0.2.7"), Origin: "https://ci.example", TLS: "TLS 1.3", Protocol: 7, Transport: "script",
	}
}
