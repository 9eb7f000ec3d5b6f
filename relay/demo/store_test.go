package demo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/pipe"
)

func running(id int64) Build {
	return Build{ID: id, Channel: channelOf(id), Command: "make", Status: Running, Started: 1}
}

// output returns an Output of text behind what came before.
func output(seq, offset int64, text string) pipe.Output {
	return pipe.Output{Seq: seq, Offset: offset, Text: text}
}

func TestTheStoreKeepsTheNewestBuilds(t *testing.T) {
	s := newStore(1)
	for range maxBuilds + 2 {
		s.begin(running)
	}
	list := s.list()
	if len(list) != maxBuilds || list[0].ID != maxBuilds+2 || list[maxBuilds-1].ID != 3 {
		t.Errorf("%d builds, from %d to %d", len(list), list[0].ID, list[len(list)-1].ID)
	}
	if _, ok := s.log(2); ok {
		t.Error("build 2 is still kept")
	}
	s.add(2, output(1, 0, "late"), false) // must not matter
	if got := len(s.takeChanged()); got != maxBuilds {
		t.Errorf("%d changed builds", got)
	}
}

func TestABuildsLogIsAsItWasPublished(t *testing.T) {
	s := newStore(1)
	b := s.begin(running)
	zero := 0
	records := []pipe.Record{
		pipe.Started{Time: 1},
		output(1, 0, "one\n"),
		pipe.Output{Seq: 2, Offset: 4, Lost: 96},
		pipe.Output{Seq: 3, Offset: 100, Base64: []byte{0xff}},
		pipe.Finished{ExitCode: &zero, Time: 9, Seq: 3, Bytes: 101, Lost: 96},
	}
	for _, r := range records {
		s.add(b.ID, r, false)
	}
	s.printed(b.ID, []byte{0xff})
	got, ok := s.log(b.ID)
	nine, finished := int64(9), records[4].(pipe.Finished)
	want := Log{
		Build: Build{
			ID: 1, Channel: "private-build-1", Command: "make", Status: Passed,
			Started: 1, Finished: &nine, ExitCode: &zero, Line: "\ufffd",
		},
		Output:   []pipe.Output{records[1].(pipe.Output), records[2].(pipe.Output), records[3].(pipe.Output)},
		Finished: &finished,
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Error(diff)
	}
}

func TestTheStatusFollowsTheEnd(t *testing.T) {
	zero, one := 0, 1
	for _, tt := range []struct {
		end     pipe.Finished
		stopped bool
		want    Status
	}{
		{pipe.Finished{ExitCode: &zero}, false, Passed},
		{pipe.Finished{ExitCode: &one}, false, Failed},
		{pipe.Finished{Signal: "SIGKILL"}, false, Failed},
		{pipe.Finished{Signal: "SIGTERM"}, true, Canceled},
	} {
		s := newStore(1)
		b := s.begin(running)
		s.add(b.ID, tt.end, tt.stopped)
		if got := s.list()[0].Status; got != tt.want {
			t.Errorf("%+v, stopped %t: %s, want %s", tt.end, tt.stopped, got, tt.want)
		}
	}
}

func TestOfALongBuildTheEndIsKept(t *testing.T) {
	s := newStore(1)
	b := s.begin(running)
	text := strings.Repeat("x", maxOutput/4)
	for i := range int64(6) {
		s.add(b.ID, output(i+1, i*int64(len(text)), text), false)
	}
	log, _ := s.log(b.ID)
	if n := len(log.Output); n != 4 || log.Output[0].Seq != 3 || log.Output[0].Offset != 2*int64(len(text)) {
		t.Errorf("%d records", n)
	}
}

func TestTheNewestLineIsWhatATerminalShows(t *testing.T) {
	for _, tt := range []struct {
		batches []string
		want    string
	}{
		{[]string{"one\ntwo\n"}, "two"},
		{[]string{"one\n\n  \n"}, "one"},
		{[]string{"one\r\n"}, "one"},
		{[]string{"one\ntw", "o and more"}, "two and more"},
		{[]string{"10%\r20%\r30%"}, "30%"},
		{[]string{"10%\r20%\r", "30%\r"}, "30%"},
		{[]string{"\x1b[32mok\x1b[0m  done\n\x1b[0m"}, "ok  done"},
		{[]string{"one\n\x1b[2K\r"}, "one"},
		{[]string{strings.Repeat("é", 400)}, strings.Repeat("é", 148) + "…"},
		{[]string{strings.Repeat("x", 3*maxOpen), "\nend"}, "end"},
		{nil, ""},
	} {
		var l newestLine
		for _, b := range tt.batches {
			l.add([]byte(b))
		}
		if l.text != tt.want {
			t.Errorf("%.40q: %q, want %q", tt.batches, l.text, tt.want)
		}
	}
}

func TestACommandIsShownAsTyped(t *testing.T) {
	for want, command := range map[string][]string{
		"go build -v ./...":            {"go", "build", "-v", "./..."},
		`sh -c 'echo $HOME; ls'`:       {"sh", "-c", "echo $HOME; ls"},
		`echo '' 'it'\''s'`:            {"echo", "", "it's"},
		"printf '[31m'":                {"printf", "\x1b[0m[31m"},
		strings.Repeat("x", 297) + "…": {strings.Repeat("x", 500)},
	} {
		if got := commandLine(command); got != want {
			t.Errorf("%q: got %q, want %q", command, got, want)
		}
	}
}
