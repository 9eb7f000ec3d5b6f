package checker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"buildrelay/relay/relaytest/checker"
)

// hurt is a run with two restarts and a kill between them: the reader is cut off by the
// kill, comes back 3 ms after, and is not shown what follows the second restart.
func hurt() *story {
	s := tell(12)
	for i, name := range []string{"F3 restart", "F1 kill", "F3 restart"} {
		s.Faults = append(s.Faults, checker.Fault{Name: name, Begun: s.when(3 * i).Add(5 * time.Millisecond), Over: s.when(3*i + 1)})
	}
	cut := checker.Sight{Kind: checker.Cut, Time: s.when(4)}
	back := s.subscribed(since(s.at[3]))
	back.Time = cut.Time.Add(3 * time.Millisecond)
	seen := then(s.subscribed(first()), s.entries(0, 4), cut, back, s.entries(4, 12))
	seen[6].Time = back.Time
	s.view(slices.Delete(seen, 9, 10)...)
	return s
}

func TestAHistoryIsToldApartByItsFaults(t *testing.T) {
	t.Parallel()
	rows := checker.Check(hurt().History).Faults
	var text, markdown strings.Builder
	if err := checker.WriteFaults(&text, rows); err != nil {
		t.Fatal(err)
	}
	if err := checker.WriteFaultsMarkdown(&markdown, rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	for i, want := range []string{
		"none yet 1 0 0 0 0 0 - - - - 2ms 2ms 0 - - -",
		"F3 restart 2 0 0 1 0 0 2ms 2ms - - 2ms 2ms 0 - - -",
		"F1 kill 1 0 0 0 0 0 0s 0s - - 2ms 2ms 1 3ms 3ms 3ms",
	} {
		if got := strings.Join(strings.Fields(lines[i+1]), " "); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	if !strings.Contains(markdown.String(), "\n| F1 kill | 1 | 0 |") {
		t.Errorf("the table in Markdown has no row of the kill:\n%s", markdown.String())
	}
}

func TestWhatIsOnItsWayDuringAFaultIsTheFaults(t *testing.T) {
	t.Parallel()
	s := tell(6)
	s.Faults = []checker.Fault{{Name: "F6 freeze", Begun: s.when(2).Add(time.Millisecond), Over: s.when(4)}}
	v := s.view(then(s.subscribed(first()), s.entries(0, 6))...)
	v.Sights[3].Time = s.when(4) // the third was appended before
	v.Sights[4].Time = s.when(4)
	row := checker.Check(s.History).Faults[1]
	if during := row.During; len(during) != 2 || during[0] != 10*time.Millisecond || during[1] != 20*time.Millisecond {
		t.Errorf("during the fault: %v", during)
	}
	if len(row.After) != 2 || row.After.Max() != 2*time.Millisecond {
		t.Errorf("after the fault: %v", row.After)
	}
}

func TestRowsOfSeveralRunsAreOne(t *testing.T) {
	t.Parallel()
	one, other := checker.Check(hurt().History).Faults, checker.Check(hurt().History).Faults
	rows := checker.MergeFaults(one, other)
	var names []string
	for _, r := range rows {
		names = append(names, r.Fault)
	}
	if !slices.Equal(names, []string{"none yet", "F1 kill", "F3 restart"}) {
		t.Errorf("the rows are %v", names)
	}
	if restart := rows[2]; restart.Windows != 4 || restart.Wrong[checker.Silent] != 2 || len(restart.Detection) != 4 {
		t.Errorf("the row of both is %+v", restart)
	}
	if one[1].Wrong[checker.Silent] != 1 {
		t.Error("merging changed a row")
	}
}
