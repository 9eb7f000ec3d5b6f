package checker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/protocol"
	"buildrelay/relay/relaytest/checker"
)

// good are readers that saw what they should have.
func good() map[string]*story {
	stories := make(map[string]*story)
	add := func(name string, see func(s *story)) {
		s := tell(10)
		see(s)
		stories[name] = s
	}
	add("all from the first", func(s *story) { s.view(then(s.subscribed(first()), s.entries(0, 10))...) })
	add("to the end", func(s *story) { s.view(then(s.subscribed(first()), s.entries(0, 10), s.final())...) })
	add("resumed at the end", func(s *story) {
		end := s.final()
		s.view(then(s.subscribed(first()), s.entries(0, 10), end,
			s.subscribed(since(s.at[9])), checker.Sight{Kind: checker.Position, At: s.at[9]}, end)...)
	})
	add("resumed", func(s *story) {
		s.view(then(s.subscribed(first()), s.entries(0, 4), checker.Sight{Kind: checker.Cut},
			s.subscribed(since(s.at[3])), checker.Sight{Kind: checker.Position, At: s.at[3]}, s.entries(4, 10))...)
	})
	add("a new page", func(s *story) {
		s.view(then(s.subscribed(first()), s.entries(0, 4), s.subscribed(first()), s.entries(0, 10))...)
	})
	add("the last three", func(s *story) {
		s.view(then(s.subscribed(protocol.Start{Kind: protocol.StartCount, N: 3}),
			checker.Sight{Kind: checker.Position, At: s.at[6]}, s.entries(7, 10))...)
	})
	add("live", func(s *story) {
		subscribed := s.subscribed(protocol.Start{})
		subscribed.Time = s.when(6)
		s.view(then(subscribed, s.entries(7, 10))...)
	})
	add("trimmed", func(s *story) {
		s.trim(6)
		s.view(then(s.subscribed(first()), s.entries(0, 3), s.gap(protocol.GapTrimmed, 3, 5), s.entries(5, 10))...)
	})
	add("joined a trimmed log", func(s *story) {
		s.trim(6)
		s.view(then(s.subscribed(first()), s.gap(protocol.GapTrimmed, 0, 6), s.entries(6, 10))...)
	})
	add("stale for a while", func(s *story) {
		s.view(then(s.subscribed(first()), s.entries(0, 3), checker.Sight{Kind: checker.Stale}, s.entries(3, 5),
			checker.Sight{Kind: checker.Fresh}, s.entries(5, 10))...)
	})
	add("the end of a log that was stale at first", func(s *story) {
		subscribed := s.subscribed(protocol.Start{Kind: protocol.StartCount, N: 3})
		subscribed.Time = s.when(3)
		s.view(then(subscribed, checker.Sight{Kind: checker.Stale, Time: s.when(3)},
			checker.Sight{Kind: checker.Fresh, Time: s.when(6)}, s.entries(7, 10))...)
	})
	add("another epoch", func(s *story) {
		s.Renews = true
		s.Calls[8].Outcome = checker.Unknown
		s.view(then(s.subscribed(first()), s.before(1), s.before(2), s.another(2), s.entries(0, 10))...)
	})
	add("a log that came back shorter", func(s *story) {
		s.rewind()
		s.view(then(s.subscribed(first()), s.entries(0, 4), s.forked(4), s.cameBack(protocol.GapFork, 4), s.entries(0, 10))...)
	})
	return stories
}

// rewind says that Redis lost entries when the fourth was the newest.
func (s *story) rewind() {
	s.Rewinds = true
	s.Faults = []checker.Fault{{Begun: s.when(5), Over: s.when(6)}}
}

// forked is the entry that stood at index i before Redis lost it.
func (s *story) forked(i int) checker.Sight {
	line := checker.Line{Run: "r", Channel: channel, Writer: "z", Seq: 1}
	at := s.at[i]
	at.ID.Nonce++
	s.Calls = append(s.Calls, checker.Call{Line: line, Outcome: checker.OK, At: at, Invoked: s.when(i), Ended: s.when(i)})
	return checker.Sight{Kind: checker.Entry, Time: s.when(i), At: at, Data: line.String()}
}

// cameBack is the gap of a reader that has seen the entry at index i before Redis lost
// it.
func (s *story) cameBack(reason protocol.GapReason, i int) checker.Sight {
	from := s.at[i]
	from.ID.Nonce++
	g := &protocol.Gap{Reason: reason, From: from, After: protocol.Position{Epoch: epoch}, ResumeAt: s.at[0], Missing: -1, Reset: true}
	return checker.Sight{Kind: checker.GapTold, At: g.After, Gap: g}
}

// before is an entry of a log that Redis forgot, acknowledged to a third writer.
func (s *story) before(seq int) checker.Sight {
	line := checker.Line{Run: "r", Channel: channel, Writer: "z", Seq: seq}
	at := protocol.Position{Epoch: earlier, ID: protocol.ID{Offset: uint64(seq), Nonce: 7}}
	s.Calls = append(s.Calls, checker.Call{Line: line, Outcome: checker.OK, At: at})
	return checker.Sight{Kind: checker.Entry, At: at, Data: line.String()}
}

// another is the gap between the log that Redis forgot and this one.
func (s *story) another(seq int) checker.Sight {
	from := protocol.Position{Epoch: earlier, ID: protocol.ID{Offset: uint64(seq), Nonce: 7}}
	g := &protocol.Gap{Reason: protocol.GapEpoch, From: from, After: protocol.Position{Epoch: epoch}, ResumeAt: s.at[0], Missing: -1, Reset: true}
	return checker.Sight{Kind: checker.GapTold, At: g.After, Gap: g}
}

func TestARunThatWentWellHasNoViolation(t *testing.T) {
	t.Parallel()
	for name, s := range good() {
		if report := checker.Check(s.History); len(report.Violations) > 0 {
			t.Errorf("%s: %s", name, report)
		}
	}
}

// spoilt are runs in which one thing is wrong, and what that is.
func spoilt() map[string]func(s *story) (checker.Wrong, int) {
	drop := func(s *story, i, j int) { s.Views[0].Sights = slices.Delete(s.Views[0].Sights, i, j) }
	insert := func(s *story, i int, sights ...checker.Sight) {
		s.Views[0].Sights = slices.Insert(s.Views[0].Sights, i, sights...)
	}
	return map[string]func(s *story) (checker.Wrong, int){
		"an acknowledged line that the log ends before": func(s *story) (checker.Wrong, int) {
			s.Logs[0].Entries, s.Logs[0].Top = s.Logs[0].Entries[:9], s.at[8]
			drop(s, 10, 11)
			return checker.Lost, 1
		},
		"an acknowledged line, and another in its place": func(s *story) (checker.Wrong, int) {
			s.Calls[9].At.ID.Nonce++
			return checker.Lost, 1
		},
		"entries trimmed from a log that is short": func(s *story) (checker.Wrong, int) {
			s.Logs[0].Entries = s.Logs[0].Entries[1:]
			return checker.Lost, 1
		},
		"a log with a hole": func(s *story) (checker.Wrong, int) {
			s.Logs[0].Entries = slices.Delete(s.Logs[0].Entries, 4, 5)
			return checker.Lost, 2
		},
		"a reader that was not given the end": func(s *story) (checker.Wrong, int) { drop(s, 8, 11); return checker.Lost, 3 },
		"a line twice in the log": func(s *story) (checker.Wrong, int) {
			*s = *tell(10)
			s.Logs[0].Entries[8].Data = s.data[6]
			return checker.Doubled, 1
		},
		"an entry shown twice":         func(s *story) (checker.Wrong, int) { insert(s, 6, s.entries(4, 5)...); return checker.Doubled, 1 },
		"the newest entry shown twice": func(s *story) (checker.Wrong, int) { insert(s, 6, s.entries(4, 5)...); return checker.Doubled, 1 },
		"an entry shown again after a resume": func(s *story) (checker.Wrong, int) {
			insert(s, 6, s.subscribed(since(s.at[4])), s.entries(4, 5)[0])
			return checker.Doubled, 1
		},
		"two entries left out":     func(s *story) (checker.Wrong, int) { drop(s, 5, 7); return checker.Silent, 2 },
		"the first entry left out": func(s *story) (checker.Wrong, int) { drop(s, 1, 2); return checker.Silent, 1 },
		"an entry left out over a resume": func(s *story) (checker.Wrong, int) {
			s.Views[0].Sights = then(s.Views[0].Sights[:5], s.subscribed(since(s.at[3])), s.entries(5, 10))
			return checker.Silent, 1
		},
		"an entry left out for a live reader": func(s *story) (checker.Wrong, int) {
			live := s.subscribed(protocol.Start{})
			live.Time = s.when(6)
			s.Views[0].Sights = then(live, s.entries(8, 10))
			return checker.Silent, 1
		},
		"everything left out for a live reader": func(s *story) (checker.Wrong, int) {
			live := s.subscribed(protocol.Start{})
			live.Time = s.when(6)
			s.Views[0].Sights = then(live)
			return checker.Silent, 3
		},
		"another epoch without a word": func(s *story) (checker.Wrong, int) {
			s.Renews = true
			insert(s, 1, s.before(1))
			return checker.Silent, 1
		},
		"a fork without a word": func(s *story) (checker.Wrong, int) {
			s.rewind()
			s.Views[0].Sights = then(s.Views[0].Sights[:5], s.forked(4), s.entries(5, 10))
			return checker.Silent, 1
		},
		"an acknowledged line after the log came back": func(s *story) (checker.Wrong, int) {
			s.rewind()
			s.forked(7)
			s.Calls[10].Ended = s.when(7)
			return checker.Lost, 1
		},
		"a fork that is told as an epoch": func(s *story) (checker.Wrong, int) {
			s.rewind()
			s.Views[0].Sights = then(s.Views[0].Sights[:5], s.forked(4), s.cameBack(protocol.GapEpoch, 4), s.entries(0, 10))
			return checker.Mistold, 1
		},
		"two entries swapped": func(s *story) (checker.Wrong, int) {
			sights := s.Views[0].Sights
			sights[5], sights[6] = sights[6], sights[5]
			return checker.Swapped, 1
		},
		"a writer's lines swapped": func(s *story) (checker.Wrong, int) {
			s.Calls[2], s.Calls[4] = s.Calls[4], s.Calls[2]
			s.Calls[2].At, s.Calls[4].At = s.Calls[4].At, s.Calls[2].At
			return checker.Swapped, 1
		},
		"a line that nobody wrote": func(s *story) (checker.Wrong, int) {
			s.Views[0].Sights[5].Data = strings.Replace(s.data[4], "|a|", "|b|", 1)
			return checker.Invented, 1
		},
		"a line of another channel": func(s *story) (checker.Wrong, int) {
			other := checker.Line{Run: "r", Channel: "private-b", Writer: "a", Seq: 3}
			s.Calls = append(s.Calls, checker.Call{Line: other})
			s.Views[0].Sights[5].Data = other.String()
			return checker.Invented, 1
		},
		"a line that was refused": func(s *story) (checker.Wrong, int) {
			s.Calls[4].Outcome = checker.Failed
			return checker.Invented, 1
		},
		"two readers of different things": func(s *story) (checker.Wrong, int) {
			s.Views[0].Sights[5].Data = s.data[6]
			return checker.Disagreed, 1
		},
		"a chain that does not fit": func(s *story) (checker.Wrong, int) {
			*s = *tell(10)
			s.Logs[0].Entries[4].Name = "other"
			return checker.Disagreed, 1
		},
		"a gap for what is retained": func(s *story) (checker.Wrong, int) {
			drop(s, 5, 7)
			insert(s, 5, s.gap(protocol.GapTrimmed, 4, 6))
			return checker.Mistold, 1
		},
		"a gap with a wrong count": func(s *story) (checker.Wrong, int) {
			s.trim(8)
			drop(s, 5, 7)
			gap := s.gap(protocol.GapTrimmed, 4, 6)
			gap.Gap.Missing = 3
			insert(s, 5, gap)
			return checker.Mistold, 1
		},
		"a gap that nothing is missing for": func(s *story) (checker.Wrong, int) {
			s.trim(8)
			gap := s.gap(protocol.GapTrimmed, 5, 5)
			insert(s, 6, gap)
			return checker.Mistold, 1
		},
		"a gap told twice": func(s *story) (checker.Wrong, int) {
			s.trim(8)
			drop(s, 5, 7)
			insert(s, 5, s.gap(protocol.GapTrimmed, 4, 5), s.gap(protocol.GapTrimmed, 5, 6))
			return checker.Mistold, 1
		},
		"a gap from elsewhere": func(s *story) (checker.Wrong, int) {
			s.trim(8)
			drop(s, 5, 7)
			insert(s, 5, s.gap(protocol.GapTrimmed, 3, 6))
			return checker.Mistold, 1
		},
		"a gap that resumes elsewhere": func(s *story) (checker.Wrong, int) {
			s.trim(8)
			drop(s, 5, 7)
			gap := s.gap(protocol.GapTrimmed, 4, 6)
			gap.Gap.ResumeAt = s.at[7]
			insert(s, 5, gap)
			return checker.Mistold, 2
		},
		"another epoch of a log that stays": func(s *story) (checker.Wrong, int) {
			insert(s, 1, s.before(1), s.another(1))
			s.Calls = s.Calls[:10]
			return checker.Mistold, 1
		},
		"a rollback": func(s *story) (checker.Wrong, int) {
			s.Renews = true
			gap := s.another(1)
			gap.Gap.Reason = protocol.GapRollback
			insert(s, 1, s.before(1), gap)
			return checker.Mistold, 1
		},
		"an end that is told too early": func(s *story) (checker.Wrong, int) {
			insert(s, 10, s.final())
			return checker.Mistold, 1
		},
		"an end that is not told": func(s *story) (checker.Wrong, int) {
			s.final()
			return checker.Mistold, 1
		},
		"an end with a wrong count": func(s *story) (checker.Wrong, int) {
			end := s.final()
			end.Final = &protocol.Final{Entries: 9, Digest: end.Final.Digest}
			insert(s, 11, end)
			return checker.Mistold, 1
		},
		"an end with a wrong digest": func(s *story) (checker.Wrong, int) {
			end := s.final()
			end.Final = &protocol.Final{Entries: 10, Digest: strings.Repeat("0", 40)}
			insert(s, 11, end)
			return checker.Mistold, 1
		},
		"stale to the end": func(s *story) (checker.Wrong, int) {
			insert(s, 5, checker.Sight{Kind: checker.Stale})
			return checker.Mistold, 1
		},
		"relay:lost": func(s *story) (checker.Wrong, int) {
			insert(s, 5, checker.Sight{Kind: checker.Other, Data: "relay:lost"})
			return checker.Mistold, 1
		},
	}
}

func TestEachViolationIsFound(t *testing.T) {
	t.Parallel()
	for name, spoil := range spoilt() {
		s := tell(10)
		s.view(then(s.subscribed(first()), s.entries(0, 10))...)
		wrong, count := spoil(s)
		report := checker.Check(s.History)
		if got := report.Count(wrong); got != count {
			t.Errorf("%s: %d %s, want %d:\n%s", name, got, wrong, count, report)
		}
	}
}

func TestAViolationHasATrace(t *testing.T) {
	t.Parallel()
	s := tell(10)
	s.view(slices.Delete(then(s.subscribed(first()), s.entries(0, 10)), 5, 6)...)
	text := checker.Check(s.History).String()
	for _, want := range []string{"silent: private-a, reader: " + s.at[5].String() + " came behind " + s.at[3].String(), "> ", "line 3 of b", "line 2 of b"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestTimesCountFromWhenAnEntryCouldBeShown(t *testing.T) {
	t.Parallel()
	s := tell(6)
	v := s.view(then(s.subscribed(first()), s.entries(0, 3), checker.Sight{Kind: checker.Cut, Time: s.when(3)},
		s.subscribed(since(s.at[2])), s.entries(3, 6))...)
	// Redis stood still when the second was appended, and the reader came back 1 ms
	// before it saw the fourth.
	s.Faults = []checker.Fault{{Name: "frozen", Begun: s.when(1), Over: s.when(1).Add(time.Millisecond)}}
	v.Sights[5].Time = s.when(3).Add(time.Millisecond)
	report := checker.Check(s.History)
	const ms = time.Millisecond
	if diff := cmp.Diff(checker.Times{ms, ms, 2 * ms, 2 * ms, 2 * ms, 2 * ms}, report.Delay); diff != "" {
		t.Errorf("delays (- wanted, + got):\n%s", diff)
	}
	if diff := cmp.Diff(checker.Times{ms}, report.Detection); diff != "" {
		t.Errorf("detections (- wanted, + got):\n%s", diff)
	}
}

func TestLinesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, l := range []checker.Line{
		{Run: "r", Channel: "private-a", Writer: "w", Seq: 7},
		{Run: "r", Channel: "private-a", Writer: "w", Seq: 7, Filler: "x|y"},
	} {
		text := l.String()
		got, err := checker.ParseLine(text)
		if err != nil || got != l {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		for i := range text {
			broken := text[:i] + "!" + text[i+1:]
			if _, err := checker.ParseLine(broken); err == nil {
				t.Errorf("%s has no error", broken)
			}
			if _, err := checker.ParseLine(text[:i]); err == nil {
				t.Errorf("%s has no error", text[:i])
			}
		}
	}
}

func TestTheTableHasALineForEachRun(t *testing.T) {
	t.Parallel()
	s := tell(10)
	s.view(slices.Delete(then(s.subscribed(first()), s.entries(0, 10)), 5, 7)...)
	var text strings.Builder
	if err := checker.WriteTable(&text, []checker.Row{{Fault: "a fault", Seed: 42, Report: checker.Check(s.History)}}); err != nil {
		t.Fatal(err)
	}
	want := "a fault 42 10 8 0 0 2 0 0 1ms 1ms 2ms 2ms - - 0s"
	if got := strings.Join(strings.Fields(strings.Split(text.String(), "\n")[1]), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
