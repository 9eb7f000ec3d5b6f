package protocol

import (
	"encoding/json"
	"strconv"
)

// What the relay tells about a log channel is an ordinary event that stock clients
// can bind. On encrypted channels, where clients would try to decrypt it, its name
// begins with "pusher:relay_" instead of "relay:". Its data repeats the channel.

// notice returns the event called what, whose data is a JSON object that begins
// with the channel. at, unless nil, becomes the frame's relay member.
func notice(channel, what string, at *Position, members string) Frame {
	data := append([]byte(nil), `{"channel":`...)
	data = AppendQuoted(data, validUTF8(channel))
	data = append(data, members...)
	data = append(data, '}')
	name := "relay:" + what
	if KindOf(channel).Encrypted() {
		name = "pusher:relay_" + what
	}
	e := Event{Name: name, Channel: channel, Data: string(data)}
	if at != nil {
		e.Link = &Link{At: *at}
	}
	return EncodeEvent(e)
}

// Lost returns the frame that tells a reader of a channel that count events did
// not reach it; a negative count is unknown and told as null:
//
//	relay:lost {"channel":"…","count":N or null}
func Lost(channel string, count int64) Frame {
	return notice(channel, "lost", nil, `,"count":`+orNull(count))
}

// PositionFrame tells a client that resumes where it is, what follows comes after it,
// and where the log ended at that moment:
//
//	relay:position {"channel":"…","position":"…","top":"…"}
func PositionFrame(channel string, at, top Position) Frame {
	return notice(channel, "position", &at, `,"position":"`+at.String()+`","top":"`+top.String()+`"`)
}

// Frame returns what tells a reader of the channel about the gap:
//
//	relay:gap {"channel":"…","reason":"…","from":"…","resume_at":"…" or null,"missing":N or null,"reset":false}
func (g *Gap) Frame(channel string) Frame {
	resumeAt := "null"
	if g.ResumeAt != (Position{}) {
		resumeAt = `"` + g.ResumeAt.String() + `"`
	}
	return notice(channel, "gap", &g.After, `,"reason":"`+string(g.Reason)+`","from":"`+g.From.String()+
		`","resume_at":`+resumeAt+`,"missing":`+orNull(g.Missing)+`,"reset":`+strconv.FormatBool(g.Reset))
}

// gapFrame tells that the entry in this place cannot be read; behind it, if it closes the
// log, that it does.
func (l *Link) gapFrame(channel string) Frame {
	gap := Gap{Reason: GapUnavailable, From: l.Before(), After: l.At, Missing: 1}
	f := gap.Frame(channel)
	if l.Final != nil {
		f = append(f, l.Final.Frame(channel, l.At)...)
	}
	return f
}

// Stale returns the frame that tells the readers of a log channel that the node
// cannot tell whether they have everything: relay:stale {"channel":"…"}.
func Stale(channel string) Frame { return notice(channel, "stale", nil, "") }

// Fresh returns the frame that takes [Stale] back: relay:fresh {"channel":"…"}.
func Fresh(channel string) Frame { return notice(channel, "fresh", nil, "") }

// Frame follows the event that closes a log, at this position; it is told again to a
// client that comes back there:
//
//	relay:final {"channel":"…","position":"…","entries":N,"lines":N or null,"bytes":N or null,"digest":"…"}
func (f *Final) Frame(channel string, at Position) Frame {
	counts, _ := json.Marshal(f) // cannot fail: numbers and a digest
	return notice(channel, "final", &at, `,"position":"`+at.String()+`",`+string(counts[1:len(counts)-1]))
}

func orNull(n int64) string {
	if n < 0 {
		return "null"
	}
	return strconv.FormatInt(n, 10)
}
