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

func TestTheStoreKeepsTheNewestBuilds(t *testing.T) {
	s := newStore(1)
	for range maxBuilds + 2 {
		s.begin(running)
	}
	list := s.list()
	if len(list) != maxBuilds || list[0].ID != maxBuilds+2 || list[maxBuilds-1].ID != 3 {
		t.Errorf("%d builds, from %d to %d", len(list), list[0].ID, list[len(list)-1].ID)
	}
	s.printed(2, []byte("late")) // must not matter, build 2 is not kept
	s.finished(2, pipe.Exit{}, false, 9)
	if got := len(s.takeChanged()); got != maxBuilds {
		t.Errorf("%d changed builds", got)
	}
}

func TestABuildIsListedAsItEnded(t *testing.T) {
	s := newStore(1)
	b := s.begin(running)
	s.printed(b.ID, []byte("one\n"))
	s.printed(b.ID, []byte{0xff})
	s.finished(b.ID, pipe.Exit{Code: 3}, false, 9)
	nine, three := int64(9), 3
	want := []Build{{
		ID: 1, Channel: "private-build-1", Command: "make", Status: Failed,
		Started: 1, Finished: &nine, ExitCode: &three, Line: "\ufffd",
	}}
	if diff := cmp.Diff(want, s.list()); diff != "" {
		t.Error(diff)
	}
}

func TestTheStatusFollowsTheEnd(t *testing.T) {
	for _, tt := range []struct {
		end     pipe.Exit
		stopped bool
		want    Status
	}{
		{pipe.Exit{}, false, Passed},
		{pipe.Exit{Code: 1}, false, Failed},
		{pipe.Exit{Code: 137, Signal: "SIGKILL"}, false, Failed},
		{pipe.Exit{Code: 143, Signal: "SIGTERM"}, true, Canceled},
	} {
		s := newStore(1)
		b := s.begin(running)
		s.finished(b.ID, tt.end, tt.stopped, 9)
		got := s.list()[0]
		if got.Status != tt.want || (got.ExitCode == nil) != (tt.end.Signal != "") {
			t.Errorf("%+v, stopped %t: %+v, want %s", tt.end, tt.stopped, got, tt.want)
		}
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
