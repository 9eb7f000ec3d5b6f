package protocol_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
)

// checkLinked checks what all that is read promises.
func checkLinked(t *testing.T, e protocol.Event) {
	t.Helper()
	limits := protocol.DefaultLimits()
	limits.Data = protocol.MaxRedisData
	if err := e.Check(limits); err != nil {
		t.Errorf("%+v may not be published: %v", e, err)
	}
	l := e.Link
	if l == nil || !protocol.ValidEpoch(l.At.Epoch) || l.At.ID.Offset == 0 || l.Prev.Offset != l.At.ID.Offset-1 || l.Time < 0 {
		t.Fatalf("link %+v", l)
	}
	if read, err := protocol.ParsePosition(l.At.String()); err != nil || read != l.At {
		t.Errorf("position %s is read as %s (%v)", l.At, read, err)
	}
	protocol.EncodeEvent(e)
}

func FuzzParseAppended(f *testing.F) {
	const final = `{"entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`
	for _, in := range []string{
		appended("1-7", "0-0", "e", "", "", "d"), appended("3-9", "2-8", "e", "1.2", final, "d"),
		appended("3-9", "1-8", "", "x", "{}", ""), "relay1 \n", "relay1 a b c d 1 2 3\n", "",
	} {
		f.Add([]byte(in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e, err := protocol.ParseAppended(in, "a", protocol.DefaultLimits())
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if !protocol.IsAppended(in) {
			t.Errorf("%q is read, and not known as appended", in)
		}
		checkLinked(t, e)
	})
}

// An entry is read as the message is that was published with it.
func FuzzParseEntry(f *testing.F) {
	const final = `{"entries":3,"lines":40,"bytes":null,"digest":"` + digest + `"}`
	f.Add(epoch, uint64(1), uint32(7), uint32(0), "1764000000000", "e", "d", "", "")
	f.Add(epoch, uint64(3), uint32(7), uint32(8), "1", "e", "d", "1.2", final)
	f.Add("", uint64(0), uint32(0), uint32(1), "-1", "pusher:x", "\xff", "x", "{")
	f.Fuzz(func(t *testing.T, epoch string, offset uint64, nonce, before uint32, time, event, data, exclude, final string) {
		id := fmt.Sprintf("%d-%d", offset, nonce)
		fields := []string{"e", event, "d", data, "t", time, "p", fmt.Sprint(before), "x", exclude, "f", final}
		e, err := protocol.ParseEntry(epoch, id, fields, "a", protocol.DefaultLimits())
		if err != nil {
			checkText(t, err.Error())
			return
		}
		checkLinked(t, e)
		if strings.ContainsAny(time, " \n") {
			t.Fatalf("time %q", time)
		}
		message := fmt.Sprintf("relay1 %s %s %d-%d %s %d %d %d\n%s%s%s%s", epoch, id, offset-1, before, time,
			len(event), len(exclude), len(final), event, exclude, final, data)
		published, err := protocol.ParseAppended([]byte(message), "a", protocol.DefaultLimits())
		if err != nil && len(time) < 50 {
			t.Errorf("%q: %v", message, err)
		} else if err == nil && !cmp.Equal(e, published) {
			t.Errorf("entry %+v, published %+v", e, published)
		}
	})
}

// Whatever is given as since or rewind, the subscription goes on.
func FuzzSubscribeStart(f *testing.F) {
	for _, start := range []string{
		`"since":"` + epoch + `:1-2"`, `"rewind":{"count":5}`, `"rewind":{"bytes":1e9}`, `"rewind":{"from":"start"}`,
		`"since":null,"rewind":[]`, `"rewind":{"count":1,"bytes":1}`,
	} {
		f.Add(start)
	}
	f.Fuzz(func(t *testing.T, start string) {
		s, err := protocol.Message{Data: []byte(`{"channel":"a",` + start + `}`)}.Subscribe()
		if err != nil {
			checkText(t, err.Message)
			return
		}
		if s.StartError != nil {
			checkText(t, s.StartError.Message)
			if s.Start != nil {
				t.Errorf("%s: a start beside an error", start)
			}
		}
		if s.Start != nil && (s.Start.Kind == protocol.StartCount || s.Start.Kind == protocol.StartBytes) && s.Start.N < 1 {
			t.Errorf("%s: %+v", start, s.Start)
		}
	})
}
