package faults

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

func TestFramesAreReadAsTheRelayWritesThem(t *testing.T) {
	t.Parallel()
	const epoch = "00112233445566aa"
	at := func(offset uint64) protocol.Position {
		return protocol.Position{Epoch: epoch, ID: protocol.ID{Offset: offset, Nonce: 9}}
	}
	lines := int64(7)
	trimmed := &protocol.Gap{Reason: protocol.GapTrimmed, From: at(1), After: at(3), ResumeAt: at(4), Missing: 2}
	lost := &protocol.Gap{Reason: protocol.GapEpoch, From: at(3), After: protocol.Position{}, Missing: -1, Reset: true}
	for _, channel := range []string{"private-all-1", "private-encrypted-all-1"} {
		cases := map[string]struct {
			frame protocol.Frame
			want  checker.Sight
		}{
			"an entry": {
				protocol.EncodeEvent(protocol.Event{Name: lineEvent, Channel: channel, Data: "x|y", Link: &protocol.Link{At: at(4)}}),
				checker.Sight{Kind: checker.Entry, At: at(4), Data: "x|y"},
			},
			"a gap":                    {trimmed.Frame(channel), checker.Sight{Kind: checker.GapTold, At: at(3), Gap: trimmed}},
			"a gap with nothing after": {lost.Frame(channel), checker.Sight{Kind: checker.GapTold, Gap: lost}},
			"a position":               {protocol.PositionFrame(channel, at(2), at(5)), checker.Sight{Kind: checker.Position, At: at(2)}},
			"stale":                    {protocol.Stale(channel), checker.Sight{Kind: checker.Stale}},
			"fresh":                    {protocol.Fresh(channel), checker.Sight{Kind: checker.Fresh}},
			"lost":                     {protocol.Lost(channel, 3), checker.Sight{Kind: checker.Other}},
			"a live event": {
				protocol.EncodeEvent(protocol.Event{Name: "other", Channel: channel, Data: "x"}), checker.Sight{Kind: checker.Other},
			},
		}
		for name, c := range cases {
			got := sights(t, c.frame)[0]
			if got.Kind == checker.Other {
				got.Data = ""
			}
			if c.want.Kind != checker.Entry {
				got.Data = ""
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s of %s (- wanted, + got):\n%s", name, channel, diff)
			}
		}
		final := &protocol.Final{Entries: 5, Lines: &lines, Digest: "0123456789012345678901234567890123456789"}
		end := sights(t, protocol.EncodeEvent(protocol.Event{
			Name: lineEvent, Channel: channel, Data: "end", Link: &protocol.Link{At: at(5), Final: final},
		}))
		if len(end) != 2 || end[1].Kind != checker.FinalTold || end[1].At != at(5) {
			t.Fatalf("the end is read as %v", end)
		}
		if diff := cmp.Diff(final, end[1].Final); diff != "" {
			t.Errorf("the end (- wanted, + got):\n%s", diff)
		}
	}
}

// sights reads the messages in the frames that lie back to back.
func sights(t *testing.T, frames []byte) (all []checker.Sight) {
	t.Helper()
	for len(frames) > 0 {
		head, size := 2, int(frames[1])
		if size == 126 {
			head, size = 4, int(binary.BigEndian.Uint16(frames[2:]))
		}
		f, err := parseFrame(frames[head : head+size])
		if err != nil {
			t.Fatalf("reading %s: %v", frames, err)
		}
		all, frames = append(all, f.sight()), frames[head+size:]
	}
	return all
}
