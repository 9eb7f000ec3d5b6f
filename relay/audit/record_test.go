package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

const anID = "6f1f77d0-6f5e-4c3f-9d5b-0d7f5b1a2c3d"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// denied is a record with every member.
func denied() audit.Record {
	r := audit.New(time.Date(2026, 3, 1, 13, 0, 0, 123456789, time.FixedZone("", 3600)), audit.ActionSubscriptionDeny,
		audit.SubscriptionDeny{Channel: "private-build-1", SocketID: "7.8", Code: 4009, Reason: "signature", Count: 1})
	r.ID = anID
	r.Actor = audit.Entity{ID: "7.8", Type: "connection"}
	r.Target = audit.Entity{ID: "private-build-1", Type: "channel", Name: "private-build-1"}
	r.Scope = audit.Entity{ID: "3", Type: "app"}
	r.Metadata = map[string]string{"origin": "https://ci.example", "ip": "192.0.2.7"}
	r.Request = audit.Request{ID: "7.8"}
	r.Success = false
	return r
}

func encode(t testing.TB, r audit.Record) audit.Entry {
	t.Helper()
	entry, err := audit.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestARecordHasAllItsMembersInOrder(t *testing.T) {
	t.Parallel()
	entry := encode(t, denied())
	const want = `{"action":"relay.subscription.deny",` +
		`"actor":{"id":"7.8","type":"connection"},` +
		`"target":{"id":"private-build-1","type":"channel","name":"private-build-1"},` +
		`"payload":{"channel":"private-build-1","socket_id":"7.8","code":4009,"reason":"signature","count":1},` +
		`"occurred_at":"2026-03-01T12:00:00.123456789Z",` +
		`"metadata":{"ip":"192.0.2.7","origin":"https://ci.example"},` +
		`"id":"6f1f77d0-6f5e-4c3f-9d5b-0d7f5b1a2c3d","version":1,` +
		`"scope":{"id":"3","type":"app"},"success":false,"request":{"id":"7.8"}}`
	if got := string(entry.Line); got != want {
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
	entry.Line = nil
	wantEntry := audit.Entry{
		ID: anID, OccurredAt: noon.Add(123456789), Action: "relay.subscription.deny",
		Actor: "7.8", Target: "private-build-1",
	}
	if diff := cmp.Diff(wantEntry, entry); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
}

func TestWhatIsMissingInARecordIsFilledIn(t *testing.T) {
	t.Parallel()
	entry := encode(t, audit.Record{Action: "a.b", OccurredAt: noon, ID: anID})
	const relay = `{"id":"relay","type":"relay"}`
	const want = `{"action":"a.b","actor":` + relay + `,"target":` + relay + `,"payload":{},` +
		`"occurred_at":"2026-03-01T12:00:00Z","metadata":{},"id":"` + anID + `","version":1,` +
		`"scope":` + relay + `,"success":false,"request":{"id":"` + anID + `"}}`
	if got := string(entry.Line); got != want {
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
	r := audit.New(noon, "a.b", map[string]int(nil))
	if !r.Success || r.Version != 1 {
		t.Errorf("a new record is %+v", r)
	}
	if line := encode(t, r).Line; !bytes.Contains(line, []byte(`"payload":{},`)) {
		t.Errorf("a nil map became %s", line)
	}
	first, second := encode(t, audit.Record{Action: "a.b", OccurredAt: noon}).ID, encode(t, audit.Record{Action: "a.b", OccurredAt: noon}).ID
	if first == second || len(first) != 36 {
		t.Errorf("two records have the ids %q and %q", first, second)
	}
}

func TestEncodingLeavesTheCallersMapAlone(t *testing.T) {
	t.Parallel()
	r := denied()
	r.Metadata = map[string]string{"a\x00": "\xff"}
	encode(t, r)
	if diff := cmp.Diff(map[string]string{"a\x00": "\xff"}, r.Metadata); diff != "" {
		t.Error(diff)
	}
}

func TestARecordIsOneLineOfWholeText(t *testing.T) {
	t.Parallel()
	const nasty = "a\r\nb\x00c\xffd\u2028e</script>&\x1b"
	r := denied()
	r.Actor = audit.Entity{ID: nasty, Type: nasty, Name: nasty}
	r.Target, r.Scope, r.Request.ID = r.Actor, r.Actor, nasty
	r.Metadata = map[string]string{nasty: nasty}
	r.Payload = map[string]string{nasty: nasty}
	entry := encode(t, r)
	if i := bytes.IndexAny(entry.Line, "\x00\r\n\x1b\u2028"); i >= 0 {
		t.Errorf("the line has the character %q: %s", entry.Line[i], entry.Line)
	}
	if !bytes.Contains(entry.Line, []byte("</script>&")) {
		t.Errorf("characters of HTML were escaped: %s", entry.Line)
	}
	if entry.Actor != "abc\uFFFDde</script>&" && entry.Actor != "ab\uFFFDc\uFFFDde</script>&" {
		t.Errorf("it is looked for by %q", entry.Actor)
	}
	again, err := audit.Decode(bytes.ReplaceAll(entry.Line, []byte(`\u0000`), nil)) // of the payload
	if err != nil {
		t.Fatal(err)
	}
	if want := "a\r\nb\uFFFDc\uFFFDd\u2028e</script>&\x1b"; again.Actor.Name != want || again.Metadata[want] != want {
		t.Errorf("it reads %q and %q", again.Actor.Name, again.Metadata)
	}
}

func TestALongIDIsWholeInTheLineAndShortInTheIndex(t *testing.T) {
	t.Parallel()
	r := denied()
	r.Actor.ID = strings.Repeat("é", 100_000)
	entry := encode(t, r)
	if entry.Actor != strings.Repeat("é", 150) || !bytes.Contains(entry.Line, []byte(r.Actor.ID)) {
		t.Errorf("%d bytes in the index, %d in the line", len(entry.Actor), len(entry.Line))
	}
}

func TestWhatIsNoRecordIsNotWritten(t *testing.T) {
	t.Parallel()
	loop := map[string]any{}
	loop["loop"] = loop
	for name, spoil := range map[string]func(*audit.Record){
		"no action":                 func(r *audit.Record) { r.Action = "" },
		"one word":                  func(r *audit.Record) { r.Action = "relay" },
		"id":                        func(r *audit.Record) { r.ID = "1" },
		"uppercase id":              func(r *audit.Record) { r.ID = strings.ToUpper(anID) },
		"version":                   func(r *audit.Record) { r.Version = 2 },
		"no time":                   func(r *audit.Record) { r.OccurredAt = time.Time{} },
		"time too far":              func(r *audit.Record) { r.OccurredAt = noon.AddDate(300, 0, 0) },
		"list as payload":           func(r *audit.Record) { r.Payload = []int{1} },
		"text as payload":           func(r *audit.Record) { r.Payload = "{}" },
		"broken JSON as payload":    func(r *audit.Record) { r.Payload = json.RawMessage(`{"a":`) },
		"payload that is not UTF-8": func(r *audit.Record) { r.Payload = json.RawMessage("{\"a\":\"\xff\"}") },
		"infinity":                  func(r *audit.Record) { r.Payload = map[string]float64{"a": math.Inf(1)} },
		"function":                  func(r *audit.Record) { r.Payload = map[string]any{"a": func() {}} },
		"endless payload":           func(r *audit.Record) { r.Payload = loop },
	} {
		r := denied()
		spoil(&r)
		if entry, err := audit.Encode(r); err == nil {
			t.Errorf("%s: it was written: %s", name, entry.Line)
		}
	}
	_, err := audit.Encode(audit.Record{Action: "a.b", OccurredAt: noon, Payload: map[string]any{"a": func() {}}})
	if unsupported := (*json.UnsupportedTypeError)(nil); !errors.As(err, &unsupported) {
		t.Errorf("the error does not wrap its cause: %v", err)
	}
}

func TestReadingARecordGivesWhatWasWritten(t *testing.T) {
	t.Parallel()
	want := denied()
	got, err := audit.Decode(encode(t, want).Line)
	if err != nil {
		t.Fatal(err)
	}
	want.OccurredAt = want.OccurredAt.UTC()
	want.Payload = json.RawMessage(`{"channel":"private-build-1","socket_id":"7.8","code":4009,"reason":"signature","count":1}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARecordIsReadStrictly(t *testing.T) {
	t.Parallel()
	whole := string(encode(t, denied()).Line)
	for name, change := range map[string][2]string{
		"unknown member":           {`{"action"`, `{"colour":"red","action"`},
		"member in uppercase":      {`"action"`, `"Action"`},
		"missing member":           {`"success":false,`, ``},
		"member twice":             {`"success":false`, `"success":false,"success":true`},
		"unknown member of actor":  {`"type":"connection"`, `"type":"connection","x":"y"`},
		"member twice, deep":       {`"code":4009`, `"code":4009,"code":1`},
		"no type":                  {`,"type":"connection"`, ``},
		"number as text":           {`"reason":"signature"`, `"reason":`},
		"success as text":          {`"success":false`, `"success":"false"`},
		"version as text":          {`"version":1`, `"version":"1"`},
		"version 2":                {`"version":1`, `"version":2`},
		"version 1.0":              {`"version":1`, `"version":1.0`},
		"metadata with a number":   {`"ip":"192.0.2.7"`, `"ip":1`},
		"payload null":             {`"payload":{`, `"payload":null,"x":{`},
		"ten decimals":             {`.123456789Z`, `.1234567890Z`},
		"time with a space":        {`2026-03-01T`, `2026-03-01 `},
		"time with a comma":        {`00.123`, `00,123`},
		"a day that is none":       {`2026-03-01T`, `2026-02-30T`},
		"id in uppercase":          {`"id":"6f1f77d0`, `"id":"6F1F77D0`},
		"action in uppercase":      {`"relay.subscription.deny"`, `"relay.Subscription.deny"`},
		"something behind":         {`"request":{"id":"7.8"}}`, `"request":{"id":"7.8"}}{}`},
		"cut off":                  {`"request":{"id":"7.8"}}`, `"request":{"id":"7.8"`},
		"not UTF-8":                {`signature`, "signa\xffture"},
		"null for a text":          {`"id":"3"`, `"id":null`},
		"NUL":                      {`signature`, `signa\u0000ture`},
		"a list for the actor":     {`"actor":{"id":"7.8","type":"connection"}`, `"actor":["7.8","connection"]`},
		"a list for the record":    {`{"action"`, `[{"action"`},
		"a number that is too big": {`4009`, `1e999`},
	} {
		line := strings.Replace(whole, change[0], change[1], 1)
		if line == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		if r, err := audit.Decode([]byte(line)); err == nil {
			t.Errorf("%s: it was read as %+v", name, r)
		}
	}
	for _, line := range []string{"", "{}", "null", "1", "{"} {
		if _, err := audit.Decode([]byte(line)); err == nil {
			t.Errorf("%q was read", line)
		}
	}
}

func TestThePayloadsHaveTheirNames(t *testing.T) {
	t.Parallel()
	for want, payload := range map[string]any{
		"app origin ip tls protocol transport":                        audit.ConnectionOpen{},
		"app origin ip tls protocol transport code reason count":      audit.ConnectionRefuse{},
		"app ip code reason seconds bytes_sent messages_sent dropped": audit.ConnectionClose{},
		"user ip":                             audit.Signin{},
		"socket_id code reason count":         audit.SigninRefuse{},
		"channel socket_id from":              audit.SubscriptionGrant{},
		"channel socket_id code reason count": audit.SubscriptionDeny{},
		"channel socket_id seconds position":  audit.SubscriptionEnd{},
		"key status reason bytes count":       audit.PublishDeny{},
		"channel messages bytes":              audit.PublishSummary{},
		"user socket_id connections":          audit.Terminate{SocketID: "7.8", Connections: 1},
		"host attempts events reason":         audit.WebhookFail{},
		"before after changed":                audit.ConfigReload{},
		"use before after expires reason":     audit.TLSReload{},
		"before after seals reason":           audit.SealingReload{},
		"app key":                             audit.KeyRevoke{},
		"app key use reason count":            audit.KeyRefuse{},
		"channel count until":                 audit.MaskRegister{},
		"channel kind place count":            audit.MaskHit{},
		"path reason count":                   audit.AdminDenied{},
		"query":                               audit.AuditRead{},
		"count from until reason":             audit.AuditGap{},
		"ok records problems":                 audit.AuditVerify{},
		"count before chains":                 audit.AuditPurge{},
		"reason bytes count":                  audit.AuditRefuse{},
		"node version address":                audit.Server{},
		"setting reason":                      audit.ServerInsecure{},
	} {
		text, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		names := memberNames(t, string(text))
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%T has %q, want %q: a schema does not change within a version", payload, got, want)
		}
	}
}

func TestASampleStandsForMany(t *testing.T) {
	t.Parallel()
	type counted interface{ Times(n int) any }
	for _, payload := range []counted{
		audit.ConnectionRefuse{Count: 1},
		audit.SigninRefuse{Count: 1},
		audit.SubscriptionDeny{Count: 1},
		audit.PublishDeny{Count: 1},
		audit.KeyRefuse{Count: 1},
		audit.AdminDenied{Count: 1},
		audit.AuditRefuse{Count: 1},
	} {
		text, err := json.Marshal(payload.Times(42))
		if err != nil || !bytes.Contains(text, []byte(`"count":42`)) {
			t.Errorf("%T: %s, %v", payload, text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, denied()).Line)
	f.Add([]byte(`{"action":"a.b","actor":{"id":"","type":""}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := audit.Decode(line)
		if err != nil {
			return
		}
		entry := encode(t, r)
		again, err := audit.Decode(entry.Line)
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, entry.Line)
		}
		if twice := encode(t, again); !bytes.Equal(twice.Line, entry.Line) {
			t.Errorf("written again it is\n%s\nand was\n%s", twice.Line, entry.Line)
		}
	})
}
