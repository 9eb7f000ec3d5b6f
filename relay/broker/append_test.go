package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// first is the start that reads all.
var first = protocol.Start{Kind: protocol.StartFirst}

func since(at protocol.Position) protocol.Start {
	return protocol.Start{Kind: protocol.StartSince, Since: at}
}

func TestEntriesFormAChainThatAnybodyCanCompute(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		inputs := [][2]string{{"e", "1"}, {"ä b", ""}, {"e", "x y\n\x00\xff"}, {"e", strings.Repeat("z", protocol.MaxRedisData)}, {"e 1", "2 3"}}
		var c chain
		for i, in := range inputs {
			at := l.mustAppend(in[0], in[1])
			if i == 0 {
				c.epoch = at.Epoch
			}
			if want := c.next(in[0], in[1]); at != want {
				t.Errorf("event %d is at %s, want %s", i+1, at, want)
			}
		}
		if h := l.do("HGET", key+":meta", "h"); h != c.digest {
			t.Errorf("digest %s, want %s", h, c.digest)
		}
		prev := protocol.ID{}
		page := l.read(first)
		for i, e := range page.Entries {
			if e.Name != inputs[i][0] || e.Data != inputs[i][1] || e.Channel != "a" {
				t.Errorf("entry %d: %.20q %.20q", i+1, e.Name, e.Data)
			}
			if e.Link.Prev != prev {
				t.Errorf("entry %d follows %s, want %s", i+1, e.Link.Prev, prev)
			}
			if age := l.now() - e.Link.Time; age < 0 || age > 60_000 {
				t.Errorf("entry %d is %d ms old", i+1, age)
			}
			prev = e.Link.At.ID
		}
		if len(page.Entries) != len(inputs) {
			t.Errorf("%d entries, want %d", len(page.Entries), len(inputs))
		}
	})
}

// What another log holds is another chain, even for the same events.
func TestEachLogHasItsEpoch(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		one := l.mustAppend("e", "1", "", `{"final":true}`)
		two := l.mustAppend("e", "1", "", `{"begin":true}`)
		if one.Epoch == two.Epoch || one.ID == two.ID {
			t.Errorf("%s and %s", one, two)
		}
	})
}

func TestAnEventWithAnIDJoinsOnce(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at, duplicate, _, err := l.append("e", "1", "x")
		if duplicate || err != nil {
			t.Fatal(duplicate, err)
		}
		l.mustAppend("e", "2", "{x}")
		again, duplicate, _, err := l.append("e", "of a retry, which may say anything", "x", `{"epoch":"0000000000000000"}`)
		if again != at || !duplicate || err != nil {
			t.Errorf("again: %s %v %v, want %s", again, duplicate, err, at)
		}
		l.mustAppend("e", "3", "y", `{"final":true}`)
		again, duplicate, _, err = l.append("e", "1", "x")
		if again != at || !duplicate || err != nil {
			t.Errorf("with a closed log: %s %v %v, want %s", again, duplicate, err, at)
		}
		if diff := cmp.Diff(numbers(1, 3), datas(l.read(first))); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
		if ttl := l.client.TTL(t.Context(), key+":id:x").Val(); ttl <= 0 || ttl > 300*time.Second {
			t.Errorf("the id is known for %s, want 300s", ttl)
		}
	})
}

// Who appends a lost log anew, with the ids that the events had, appends all of it.
func TestAnIDOfALostLogIsNotKnown(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		one := l.mustAppend("e", "1", "x")
		l.do("DEL", key+":meta")
		at, duplicate, _, err := l.append("e", "1", "x")
		if at == one.String() || duplicate || err != nil {
			t.Errorf("%s %v %v", at, duplicate, err)
		}
	})
}

// What is under an id's key may be a stranger's.
func TestAnIDThatMakesNoSenseIsNotKnown(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		l.do("SET", key+":id:x", "a stranger's")
		l.do("RPUSH", key+":id:y", "a stranger's")
		for _, id := range []string{"x", "y"} {
			for _, want := range []bool{false, true} {
				if _, duplicate, _, err := l.append("e", "1", id); duplicate != want || err != nil {
					t.Errorf("%s: duplicate %v %v, want %v", id, duplicate, err, want)
				}
			}
		}
	})
}

func TestFinalClosesTheLog(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		at := l.fill(2)
		c := chain{epoch: at[0].Epoch}
		c.next("e", "1")
		c.next("e", "2")
		last := l.mustAppend("end", "3", "", `{"final":{"lines":40,"bytes":512}}`)
		if want := c.next("end", "3"); last != want {
			t.Errorf("the final event is at %s, want %s", last, want)
		}
		page := l.read(first)
		forty, half := int64(40), int64(512)
		want := &protocol.Final{Entries: 3, Lines: &forty, Bytes: &half, Digest: c.digest}
		if diff := cmp.Diff(want, page.Entries[2].Link.Final); diff != "" || !page.Closed {
			t.Errorf("closed %v, final (-want +got):\n%s", page.Closed, diff)
		}
		// Who has all of it is told so, too, while its last event is retained.
		page = l.read(since(last))
		if diff := cmp.Diff(want, page.Final); diff != "" || !page.Closed || len(page.Entries) != 0 {
			t.Errorf("closed %v, final of the page (-want +got):\n%s", page.Closed, diff)
		}
		page = l.read(first)
		if page.Entries[1].Link.Final != nil {
			t.Error("an event that closes nothing is final")
		}
		for _, options := range []string{"", `{"final":true}`, `{"begin":false}`, `{"epoch":"` + last.Epoch + `"}`} {
			if _, _, _, err := l.append("e", "4", "", options); err == nil || !strings.HasPrefix(err.Error(), "LOGCLOSED ") {
				t.Errorf("options %s: %v, want LOGCLOSED", options, err)
			}
		}
		if page := l.read(first); len(page.Entries) != 3 {
			t.Errorf("%d entries", len(page.Entries))
		}
		l.do("DEL", key)
		if page := l.read(since(last)); !page.Closed || page.Final != nil || page.Gap() != nil {
			t.Errorf("without entries: %+v", page)
		}
	})
}

func TestFinalWithoutCountsHasNone(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, final := range []string{`true`, `{}`, `{"lines":null}`} {
			l.mustAppend("e", "1", "", `{"begin":true,"final":`+final+`}`)
			got := l.read(first).Entries[0].Link.Final
			if got == nil || got.Entries != 1 || got.Lines != nil || got.Bytes != nil {
				t.Errorf("%s: %+v", final, got)
			}
		}
	})
}

func TestBeginOpensAnewWhatIsClosedOnly(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		one := l.mustAppend("e", "1", "", `{"begin":true,"maxlen":5}`)
		two := l.mustAppend("e", "2", "", `{"begin":true}`)
		if two.Epoch != one.Epoch || two.ID.Offset != 2 {
			t.Errorf("an open log: %s after %s", two, one)
		}
		l.mustAppend("e", "3", "", `{"final":true}`)
		four := l.mustAppend("e", "4", "", `{"begin":true}`)
		if four.Epoch == one.Epoch || four.ID.Offset != 1 {
			t.Errorf("a closed log: %s after %s", four, one)
		}
		page := l.read(since(two))
		if diff := cmp.Diff([]string{"4"}, datas(page)); diff != "" || page.Closed {
			t.Errorf("closed %v, entries (-want +got):\n%s", page.Closed, diff)
		}
		want := &protocol.Gap{Reason: protocol.GapEpoch, From: two, After: protocol.Position{Epoch: four.Epoch}, ResumeAt: four, Missing: -1, Reset: true}
		if diff := cmp.Diff(want, page.Gap()); diff != "" {
			t.Errorf("gap (-want +got):\n%s", diff)
		}
		if limit := l.do("HGET", key+":meta", "maxlen"); limit != "20000" {
			t.Errorf("the new log retains %s entries: the limits of the old one are none of its", limit)
		}
	})
}

func TestAnEpochIsACondition(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		gone := func(when, epoch string) {
			t.Helper()
			for _, options := range []string{`{"epoch":"` + epoch + `"}`, `{"begin":true,"epoch":"` + epoch + `"}`} {
				if _, _, _, err := l.append("e", "no", "", options); err == nil || !strings.HasPrefix(err.Error(), "LOGGONE ") {
					t.Errorf("%s, options %s: %v, want LOGGONE", when, options, err)
				}
			}
		}
		gone("no log", "0123456789abcdef")
		one := l.mustAppend("e", "1")
		l.mustAppend("e", "2", "", `{"epoch":"`+one.Epoch+`"}`)
		gone("another log", "0123456789abcdef")
		l.do("DEL", key, key+":meta")
		gone("a lost log", one.Epoch)
		two := l.mustAppend("e", "3")
		gone("a log that began anew", one.Epoch)
		l.mustAppend("e", "4", "", `{"epoch":"`+two.Epoch+`","final":true}`)
		five := l.mustAppend("e", "5", "", `{"epoch":"`+two.Epoch+`","begin":true}`)
		if five.Epoch == two.Epoch {
			t.Error("begin did not begin")
		}
		if diff := cmp.Diff([]string{"5"}, datas(l.read(first))); diff != "" {
			t.Errorf("entries (-want +got):\n%s", diff)
		}
	})
}

func TestAnAppendSaysWhatIsWrongWithIt(t *testing.T) {
	const (
		positive = " must be a whole number of at least 1"
		final    = `options.final must be true or {"lines":N,"bytes":N}`
		name     = "the event's name must be UTF-8 of 1 to 200 characters"
		reserved = "the event's name must not begin with pusher:, pusher_internal: or relay:"
		object   = "options must be a JSON object"
	)
	tests := []struct {
		args []any
		want string
	}{
		{nil, "the arguments must be EVENT DATA [EVENT_ID [OPTIONS]]"},
		{[]any{"e"}, "the arguments must be EVENT DATA [EVENT_ID [OPTIONS]]"},
		{[]any{"e", "1", "", "", ""}, "the arguments must be EVENT DATA [EVENT_ID [OPTIONS]]"},
		{[]any{"", "1"}, name},
		{[]any{strings.Repeat("x", 201), "1"}, name},
		{[]any{strings.Repeat("ä", 201), "1"}, name},
		{[]any{"\xff", "1"}, name},
		{[]any{"\xc0\x80", "1"}, name},
		{[]any{"\xe0\x80\x80", "1"}, name},
		{[]any{"\xed\xa0\x80", "1"}, name},
		{[]any{"\xf4\x90\x80\x80", "1"}, name},
		{[]any{"e\xc3", "1"}, name},
		{[]any{"pusher:error", "1"}, reserved},
		{[]any{"pusher_internal:x", "1"}, reserved},
		{[]any{"relay:gap", "1"}, reserved},
		{[]any{"e", strings.Repeat("x", protocol.MaxRedisData+1)}, "the data must have at most 131072 bytes"},
		{[]any{"e", "1", strings.Repeat("x", 201)}, "the event id must have at most 200 bytes"},
		{[]any{"e", "1", "", "{"}, object},
		{[]any{"e", "1", "", "7"}, object},
		{[]any{"e", "1", "", "[]"}, object},
		{[]any{"e", "1", "", "null"}, object},
		{[]any{"e", "1", "", `"maxlen"`}, object},
		{[]any{"e", "1", "", `{"maxlen":0}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxlen":-1}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxlen":1.5}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxlen":"7"}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxlen":1e30}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxlen":{}}`}, "options.maxlen" + positive},
		{[]any{"e", "1", "", `{"maxbytes":true}`}, "options.maxbytes" + positive},
		{[]any{"e", "1", "", `{"ttl":0}`}, "options.ttl must be whole seconds from 1 to 315360000"},
		{[]any{"e", "1", "", `{"ttl":315360001}`}, "options.ttl must be whole seconds from 1 to 315360000"},
		{[]any{"e", "1", "", `{"begin":1}`}, "options.begin must be true or false"},
		{[]any{"e", "1", "", `{"epoch":7}`}, "options.epoch must be an epoch: 16 digits of 0-9 and a-f"},
		{[]any{"e", "1", "", `{"epoch":""}`}, "options.epoch must be an epoch: 16 digits of 0-9 and a-f"},
		{[]any{"e", "1", "", `{"epoch":"0123456789ABCDEF"}`}, "options.epoch must be an epoch: 16 digits of 0-9 and a-f"},
		{[]any{"e", "1", "", `{"socket_id":"x"}`}, "options.socket_id must be a socket id such as 12.34"},
		{[]any{"e", "1", "", `{"socket_id":"1.2\n"}`}, "options.socket_id must be a socket id such as 12.34"},
		{[]any{"e", "1", "", `{"final":false}`}, final},
		{[]any{"e", "1", "", `{"final":7}`}, final},
		{[]any{"e", "1", "", `{"final":{"lines":-1}}`}, final},
		{[]any{"e", "1", "", `{"final":{"lines":"7"}}`}, final},
		{[]any{"e", "1", "", `{"final":{"entries":7}}`}, final},
		{[]any{"e", "1", "", `{"limit":7}`}, "options.limit is not known, only begin, epoch, final, maxbytes, maxlen, socket_id, ttl"},
		{[]any{"e", "1", "", `{"MAXLEN":7}`}, "options.MAXLEN is not known, only begin, epoch, final, maxbytes, maxlen, socket_id, ttl"},
	}
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, test := range tests {
			_, _, _, err := l.append(test.args...)
			if want := "ERR buildrelay_append: " + test.want; err == nil || err.Error() != want {
				t.Errorf("%.60q: %v, want %s", test.args, err, want)
			}
		}
		if keys := l.do("KEYS", "*"); len(keys.([]any)) != 0 {
			t.Errorf("refused calls wrote %s", keys)
		}
		// What is next to it is taken.
		for _, args := range [][]any{
			{strings.Repeat("ä", 200), strings.Repeat("x", protocol.MaxRedisData), strings.Repeat("x", 200), `{}`},
			{"\U0001F600\uFFFD\u0800\u07ff\U0010FFFF", "", "", " \n{\"ttl\":315360000,\"maxlen\":999999999999999,\"begin\":null}"},
			{"pusher", "1", "", ""},
		} {
			l.mustAppend(args...)
		}
		if page := l.read(first); len(page.Entries) != 3 || page.Bad != 0 {
			t.Errorf("%d entries, %d bad", len(page.Entries), page.Bad)
		}
	})
}

func TestTheKeyMustBeThatOfALog(t *testing.T) {
	eachRedis(t, func(t *testing.T, l *logRig) {
		for _, key := range []string{"", "a", "buildrelay:1:a", "buildrelay:{1:a}:meta", "{1:a}", "buildrelay:{a}", "buildrelay:{1:a:b}", "x:y:{1:a}", "buildrelay:{1:a}\n"} {
			err := l.client.Eval(t.Context(), appendScript, []string{key}, "e", "1").Err()
			if err == nil || err.Error() != "ERR buildrelay_append: the one key must be PREFIX:{APP:CHANNEL}" {
				t.Errorf("%q: %v", key, err)
			}
		}
		for _, keys := range [][]string{nil, {key, key}} {
			if err := l.client.Eval(t.Context(), appendScript, keys, "e", "1").Err(); err == nil {
				t.Errorf("%q is taken", keys)
			}
		}
	})
}
