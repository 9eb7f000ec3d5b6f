package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

// report is a report of an action that the relay does not know, but for the member that is
// given: as JSON, with its name.
func report(member string) string {
	members := `"action":"deploy_key.rotate","actor":{"id":"u1","type":"user","name":"Ada"},"target":{"id":"k1","type":"key"}`
	if member != "" {
		name, _, _ := strings.Cut(member, ":")
		var kept []string
		for _, m := range []string{`"action":"deploy_key.rotate"`, `"actor":{"id":"u1","type":"user","name":"Ada"}`, `"target":{"id":"k1","type":"key"}`} {
			if !strings.HasPrefix(m, name+":") {
				kept = append(kept, m)
			}
		}
		members = strings.Join(append(kept, member), ",")
	}
	return "{" + members + "}"
}

func TestWhatIsMissingInAReportIsFilledIn(t *testing.T) {
	t.Parallel()
	now := noon.In(time.FixedZone("", 7200))
	got, err := audit.ParseReportAs(anID, []byte(report("")), now)
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Record{
		Action: "deploy_key.rotate", Actor: audit.Entity{ID: "u1", Type: "user", Name: "Ada"},
		Target: audit.Entity{ID: "k1", Type: "key"}, Payload: json.RawMessage("{}"), OccurredAt: noon,
		Metadata: map[string]string{}, ID: anID, Version: 1, Success: true, Request: audit.Request{ID: anID},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	first, err := audit.ParseReport([]byte(report("")), now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := audit.ParseReport([]byte(report("")), now)
	if err != nil || first.ID == second.ID {
		t.Errorf("two reports have the id %q, %v", second.ID, err)
	}
}

func TestAWholeReportIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	const text = `{"action":"deploy_key.rotate","actor":{"id":"u1","type":"user","name":"Ada"},"target":{"id":"k1","type":"key"},` +
		`"payload":{"z":[1.50,null,{"b":true,"a":"<é>\n"}],"a":12345678901234567890},"occurred_at":"2026-03-01T14:00:00.000000001+02:00",` +
		`"metadata":{"ip":"192.0.2.7"},"id":"6F1F77D0-6F5E-4C3F-9D5B-0D7F5B1A2C3D","version":1,` +
		`"scope":{"id":"o1","type":"organization"},"success":false,"request":{"id":"q1"}}`
	r, err := audit.ParseReport([]byte(strings.ReplaceAll(text, `,"`, " ,\r\n\t\"")), noon)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("2026-03-01T14:00:00.000000001+02:00", "2026-03-01T12:00:00.000000001Z",
		"6F1F77D0-6F5E-4C3F-9D5B-0D7F5B1A2C3D", anID).Replace(text)
	if got := string(encode(t, r).Line); got != want {
		t.Errorf("it is kept as\n%s\nwant\n%s", got, want)
	}
}

func TestAReportIsRefusedByTheMemberThatIsWrong(t *testing.T) {
	t.Parallel()
	for member, want := range map[string]string{
		`"action":"Deploy.rotate"`:                                     "action: must be two or more words",
		`"action":"deploy"`:                                            "action: must be",
		`"action":"deploy..rotate"`:                                    "action: must be",
		`"action":".deploy.rotate"`:                                    "action: must be",
		`"action":"deploy.rotate."`:                                    "action: must be",
		`"action":"deploy.1rotate"`:                                    "action: must be",
		`"action":"deploy._rotate"`:                                    "action: must be",
		`"action":"deploy-key.rotate"`:                                 "action: must be",
		`"action":"déploy.rotate"`:                                     "action: must be",
		`"action":"deploy. rotate"`:                                    "action: must be",
		`"action":"deploy.rotate\n"`:                                   "action: must be",
		`"action":""`:                                                  "action: must be",
		`"action":7`:                                                   "action: must be a string",
		`"action":null`:                                                "action: must be a string",
		`"action":"a.` + rep("b", 99) + `"`:                            "action: must be",
		`"action":"relay.connection.open"`:                             `action: must not begin with "relay."`,
		`"actor":"u1"`:                                                 "actor: must be an object",
		`"actor":{"id":1,"type":"user"}`:                               "actor.id: must be a string",
		`"actor":{"id":"u1"}`:                                          "actor.type: is missing",
		`"actor":{"type":"user"}`:                                      "actor.id: is missing",
		`"actor":{"id":"","type":"user"}`:                              "actor.id: must be of 1 to 256 bytes",
		`"actor":{"id":"u","type":""}`:                                 "actor.type: must be of 1 to 256 bytes",
		`"actor":{"id":"u1","type":"u","x":"y"}`:                       "actor.x: is not allowed; actor has id, type, name",
		`"actor":{"id":"u\n1","type":"user"}`:                          "actor.id: must be of 1 to 256 bytes without control characters",
		`"actor":{"id":"u","type":"t","name":"` + rep("n", 257) + `"}`: "actor.name: must be of 0 to 256 bytes",
		`"target":["k1"]`:                                              "target: must be an object",
		`"target":{"id":"k\u0000","type":"key"}`:                       "target.id: must not hold the character NUL",
		`"target":{"id":"k","id":"l","type":"key"}`:                    "target.id: is there twice",
		`"scope":{"id":"","type":""}`:                                  "scope.id: must be of 1",
		`"scope":null`:                                                 "scope: must be an object",
		`"payload":[]`:                                                 "payload: must be an object",
		`"payload":"{}"`:                                               "payload: must be an object",
		`"payload":null`:                                               "payload: must be an object",
		`"payload":{"a":{"b":1,"b":2}}`:                                "payload.a.b: is there twice",
		`"payload":{"a b":[{"c":"\u0000"}]}`:                           `payload."a b"[0].c: must not hold the character NUL`,
		`"payload":{"a":1e400}`:                                        "payload.a: the number is too large",
		`"payload":{"a":` + rep("[", 15) + rep("]", 15) + `}`:          "are nested deeper than 16",
		`"payload":{"a":"` + rep("x", 16<<10) + `"}`:                   "payload: must be at most 16384 bytes",
		`"occurred_at":"yesterday"`:                                    "occurred_at: must be a time like 2017-12-21T13:50:54.474Z",
		`"occurred_at":1772366400`:                                     "occurred_at: must be a time",
		`"occurred_at":"2026-03-01T12:00:00"`:                          "occurred_at: must be a time",
		`"occurred_at":"2026-03-01T12:00:00.1234567891Z"`:              "at most nine decimals",
		`"occurred_at":"2026-03-02T12:00:01Z"`:                         "occurred_at: must be after 1999 and at most a day ahead",
		`"occurred_at":"1999-12-31T23:59:59Z"`:                         "occurred_at: must be after 1999",
		`"occurred_at":"0001-01-01T00:00:00Z"`:                         "occurred_at: must be",
		`"metadata":[]`:                                                "metadata: must be an object",
		`"metadata":{"a":1}`:                                           "metadata.a: must be a string",
		`"metadata":{"a":{"b":"c"}}`:                                   "metadata.a: must be a string",
		`"metadata":{"":"c"}`:                                          "must be of 1 to 256 bytes",
		`"metadata":{"a":"` + rep("x", 257) + `"}`:                     "metadata.a: must be of 0 to 256 bytes",
		`"metadata":{"` + rep("x", 257) + `":"a"}`:                     "must be of 1 to 256 bytes",
		`"metadata":{"a":"b\u001bc"}`:                                  "metadata.a: must be of 0 to 256 bytes without control characters",
		`"metadata":{` + members(33) + `}`:                             "metadata: must have at most 32 members",
		`"id":"1"`:                                                     "id: must be a UUID",
		`"id":""`:                                                      "id: must be a UUID",
		`"id":1`:                                                       "id: must be a string",
		`"version":2`:                                                  "version: must be 1",
		`"version":0`:                                                  "version: must be 1",
		`"version":"1"`:                                                "version: must be a whole number",
		`"version":1.5`:                                                "version: must be a whole number",
		`"success":"true"`:                                             "success: must be true or false",
		`"success":1`:                                                  "success: must be true or false",
		`"request":"q1"`:                                               "request: must be an object",
		`"request":{}`:                                                 "request.id: is missing",
		`"request":{"id":""}`:                                          "request.id: must be of 1",
		`"request":{"id":"q","ip":"1"}`:                                "request.ip: is not allowed; request has id",
		`"colour":"red"`:                                               "colour: is no member of a record; it has action, actor, target, payload",
		`"=cmd|' /C calc'!A0\n":"red"`:                                 `"=cmd|' /C calc'!A0": is no member`,
		`"Success":true`:                                               "Success: is no member",
		`"` + rep("n", 5000) + `":1`:                                   rep("n", 64) + ": is no member",
	} {
		r, err := audit.ParseReport([]byte(report(member)), noon)
		switch {
		case err == nil:
			t.Errorf("%.100s: it was taken: %+v", member, r)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%.100s: %q does not say %q", member, err, want)
		case len(err.Error()) > 400:
			t.Errorf("%.100s: the error has %d bytes", member, len(err.Error()))
		}
	}
}

func rep(text string, n int) string { return strings.Repeat(text, n) }

// members are n members of an object, as JSON.
func members(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"m%d":"v"`, i)
	}
	return strings.Join(all, ",")
}

func TestAReportMayBeAsLargeAsTheLimits(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		`"action":"a.` + rep("b", 98) + `"`,
		`"action":"a_1.b2_.c"`,
		`"actor":{"id":"` + rep("i", 256) + `","type":"` + rep("t", 256) + `","name":"` + rep("é", 128) + `"}`,
		`"payload":{"a":"` + rep("x", 16<<10-8) + `"}`,
		`"payload":{"a":` + rep("[", 14) + rep("]", 14) + `}`,
		`"payload":{"a":"line\r\nline\t=1+1"}`,
		`"metadata":{` + members(32) + `}`,
		`"metadata":{"` + rep("k", 256) + `":"` + rep("v", 256) + `"}`,
		`"occurred_at":"2026-03-02T12:00:00Z"`,
		`"occurred_at":"2000-01-01T00:00:00.123456789Z"`,
		`"success":false`,
	} {
		if _, err := audit.ParseReport([]byte(report(member)), noon); err != nil {
			t.Errorf("%.100s: %v", member, err)
		}
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "it is no JSON",
		"[]":                              "the record: must be an object",
		"null":                            "the record: must be an object",
		"{":                               "it is no JSON",
		"{}":                              "action: is missing",
		report("") + report(""):           "it is no JSON",
		"\ufeff" + report(""):             "it is no JSON",
		"{\"action\":\"a.b\xff\"}":        "it is not UTF-8",
		`{"action":"a.b"}`:                "actor: is missing",
		rep("[", 5000) + rep("]", 5000):   "nested deeper than 16",
		rep("[", 20000):                   "it is no JSON",
		`{"a":"` + rep("x", 1<<20) + `"}`: "a record has at most 32768 bytes, this one 1048584",
	} {
		if _, err := audit.ParseReport([]byte(text), noon); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func TestAReportThatGrowsWhenItIsKeptIsRefused(t *testing.T) {
	t.Parallel()
	text := report(`"payload":{"a":"` + rep("\u2028", 3000) + `"}`) // escaped: six bytes each
	if _, err := audit.ParseReport([]byte(text), noon); err == nil || !strings.Contains(err.Error(), "payload: must be at most") {
		t.Errorf("%d bytes became more than 16 KiB of payload: %v", len(text), err)
	}
}

func TestAnErrorShowsNoValue(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, text := range []string{
		report(`"action":"` + secret + `"`), report(`"id":"` + secret + `"`), report(`"occurred_at":"` + secret + `"`),
		report(`"version":"` + secret + `"`), report(`"metadata":"` + secret + `"`), report(`"colour":"` + secret + `"`),
		strings.Replace(known("context.env_var.store"), `"TOKEN"`, `"TOKEN=`+secret+`"`, 1),
		strings.Replace(known("context.env_var.store"), `"payload":{`, `"payload":{"value":"`+secret+`",`, 1),
	} {
		if _, err := audit.ParseReport([]byte(text), noon); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte(report("")))
	for action := range payloads() {
		f.Add([]byte(known(action)))
	}
	f.Add([]byte(report(`"payload":{"a":[1e5,null,"\ud800"]}`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := audit.ParseReport(text, noon)
		if err != nil {
			if !cmp.Equal(r, audit.Record{}) || len(err.Error()) > 1000 {
				t.Errorf("%+v beside the error %v", r, err)
			}
			return
		}
		entry := encode(t, r)
		if _, err := audit.Decode(entry.Line); err != nil {
			t.Fatalf("it is kept as %s: %v", entry.Line, err)
		}
		again, err := audit.ParseReport(entry.Line, noon)
		if err != nil {
			t.Fatalf("told again it is refused: %v\n%s", err, entry.Line)
		}
		if string(encode(t, again).Line) != string(entry.Line) {
			t.Errorf("told again it is\n%s\nand was\n%s", encode(t, again).Line, entry.Line)
		}
		if _, err := audit.CSVRow(entry.Line); err != nil {
			t.Error(err)
		}
	})
}
