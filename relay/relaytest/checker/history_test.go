package checker_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

const (
	channel = "private-a"
	epoch   = "00112233445566aa"
	earlier = "ffeeddccbbaa9988" // another epoch
)

// story is a run that went well, for tests to spoil.
type story struct {
	checker.History
	start time.Time
	at    []protocol.Position // of the entries
	data  []string
}

// tell returns the history of two writers who append n lines in turn.
func tell(n int) *story {
	s := &story{start: time.Unix(1_700_000_000, 0)}
	entries := make([]protocol.Event, 0, n)
	digest, prev := epoch, protocol.ID{}
	for i := range n {
		line := checker.Line{Run: "r", Channel: channel, Writer: string(rune('a' + i%2)), Seq: i/2 + 1}
		offset := uint64(i + 1)
		digest = hash(fmt.Sprintf("%s %d 4 line%s", digest, offset, line))
		nonce, _ := strconv.ParseUint(digest[:8], 16, 32)
		at := protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: offset, Nonce: uint32(nonce)}}
		when := s.when(i)
		s.at, s.data = append(s.at, at), append(s.data, line.String())
		s.Calls = append(s.Calls, checker.Call{
			Line: line, Outcome: checker.OK, At: at, Invoked: when.Add(-time.Millisecond), Ended: when.Add(time.Millisecond), Tries: 1,
		})
		entries = append(entries, protocol.Event{Name: "line", Data: line.String(), Link: &protocol.Link{At: at, Prev: prev, Time: when.UnixMilli()}})
		prev = at.ID
	}
	s.Logs = []checker.Log{{Channel: channel, Top: s.at[n-1], Entries: entries}}
	return s
}

func hash(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// when is when the i-th entry was appended.
func (s *story) when(i int) time.Time { return s.start.Add(time.Duration(i) * 10 * time.Millisecond) }

// trim takes the first n entries from the log.
func (s *story) trim(n int) {
	s.Trims = true
	s.Logs[0].Entries = s.Logs[0].Entries[n:]
}

// view adds a reader that sees the sights, 2 ms after the entries.
func (s *story) view(sights ...checker.Sight) *checker.View {
	s.Views = append(s.Views, checker.View{Reader: "reader", Channel: channel, Sights: sights})
	return &s.Views[len(s.Views)-1]
}

func (s *story) subscribed(start protocol.Start) checker.Sight {
	granted := s.start.Add(-time.Second)
	return checker.Sight{Kind: checker.Subscribed, Time: granted, Asked: granted.Add(-time.Millisecond), Start: start}
}

// entries are the sights of the entries from the i-th up to, and without, the j-th.
func (s *story) entries(i, j int) (sights []checker.Sight) {
	for ; i < j; i++ {
		sights = append(sights, checker.Sight{
			Kind: checker.Entry, Time: s.when(i).Add(2 * time.Millisecond), At: s.at[i], Data: s.data[i],
		})
	}
	return sights
}

// gap is a gap that is told to a reader that has seen the first n entries and goes
// on with the one at index next.
func (s *story) gap(reason protocol.GapReason, n, next int) checker.Sight {
	g := &protocol.Gap{
		Reason: reason, From: protocol.Position{Epoch: epoch}, After: s.at[next-1], ResumeAt: s.at[next], Missing: int64(next - n),
	}
	if n > 0 {
		g.From = s.at[n-1]
	}
	return checker.Sight{Kind: checker.GapTold, Time: s.when(next), At: g.After, Gap: g}
}

// final closes the log and returns its notice.
func (s *story) final() checker.Sight {
	n := len(s.at)
	digest := epoch
	for i, data := range s.data {
		digest = hash(fmt.Sprintf("%s %d 4 line%s", digest, i+1, data))
	}
	f := &protocol.Final{Entries: int64(n), Digest: digest}
	s.Logs[0].Closed = true
	s.Logs[0].Entries[n-1].Link.Final = f
	return checker.Sight{Kind: checker.FinalTold, Time: s.when(n), At: s.at[n-1], Final: f}
}

func then(parts ...any) (sights []checker.Sight) {
	for _, part := range parts {
		switch part := part.(type) {
		case checker.Sight:
			sights = append(sights, part)
		case []checker.Sight:
			sights = append(sights, part...)
		}
	}
	return sights
}

func first() protocol.Start { return protocol.Start{Kind: protocol.StartFirst} }

func since(at protocol.Position) protocol.Start {
	return protocol.Start{Kind: protocol.StartSince, Since: at}
}
