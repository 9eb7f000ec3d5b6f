package roster

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"buildrelay/protocol"
)

// parseEntry reads an entry of the outbox as the script answers it: {ID, {FIELD, VALUE...}}.
// next is the least id after it. The id is empty where it is none.
func parseEntry(entry any) (id, next string, fields map[string]string) {
	parts, _ := entry.([]any)
	if len(parts) != 2 {
		return "", "", nil
	}
	id, _ = parts[0].(string)
	at, n, ok := parseID(id)
	if !ok {
		return "", "", nil
	}
	if n == math.MaxUint64 {
		at, n = at+1, 0
	} else {
		n++
	}
	texts, _ := parts[1].([]any)
	fields = make(map[string]string, len(texts)/2)
	for i := 0; i+1 < len(texts); i += 2 {
		name, _ := texts[i].(string)
		fields[name], _ = texts[i+1].(string)
	}
	return id, strconv.FormatUint(at, 10) + "-" + strconv.FormatUint(n, 10), fields
}

// parseID reads the id of an entry: Redis' time in ms when it was written, or a little more,
// and a number.
func parseID(id string) (at, n uint64, ok bool) {
	first, second, _ := strings.Cut(id, "-")
	at, err1 := strconv.ParseUint(first, 10, 64)
	n, err2 := strconv.ParseUint(second, 10, 64)
	return at, n, err1 == nil && err2 == nil
}

// mostDelay is more than any entry has to wait.
const mostDelay = time.Minute

// parseOccurrence reads what the script or a node wrote, and says whether it makes sense. now
// is the time of Redis.
func parseOccurrence(fields map[string]string, now time.Time) (o protocol.Occurrence, ok bool) {
	o = protocol.Occurrence{
		App: fields["app"], Kind: fields["kind"], Channel: fields["channel"], UserID: fields["user"],
	}
	due, err := strconv.ParseInt(fields["due"], 10, 64)
	o.Time = time.UnixMilli(due)
	if err != nil || due <= 0 || o.Time.After(now.Add(mostDelay)) {
		return o, false
	}
	if o.App == "" || !utf8.ValidString(o.App) || protocol.CheckChannel(o.Channel, math.MaxInt) != nil ||
		!slices.Contains(protocol.Hooks(), o.Kind) {
		return o, false
	}
	return o, parseKind(&o, fields["text"])
}

// parseKind reads what not all kinds have.
func parseKind(o *protocol.Occurrence, text string) bool {
	switch o.Kind {
	case protocol.HookMemberAdded, protocol.HookMemberRemoved:
		return protocol.IsUserID(o.UserID) && text == ""
	case protocol.HookClientEvent:
		return (o.UserID == "" || protocol.IsUserID(o.UserID)) && parseSent(o, text)
	default:
		return o.UserID == "" && text == ""
	}
}

// parseSent reads a client's event.
func parseSent(o *protocol.Occurrence, text string) bool {
	var s sent
	if !utf8.ValidString(text) || json.Unmarshal([]byte(text), &s) != nil {
		return false
	}
	o.Event, o.Data, o.SocketID = s.Event, s.Data, s.SocketID
	return s.Event != "" && protocol.CheckSocketID(s.SocketID) == nil
}
