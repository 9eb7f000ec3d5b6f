package pipe

import (
	"strings"
	"testing"
)

func TestRecordsLookAsDocumented(t *testing.T) {
	zero := 0
	for _, tt := range []struct {
		record      Record
		event, data string
	}{
		{
			Started{Command: []string{"go", "build", "-tags=<a&b>"}, Time: 1764000000000},
			"build:started", `{"command":["go","build","-tags=<a&b>"],"time":1764000000000}`,
		},
		{Started{Time: 1}, "build:started", `{"time":1}`},
		{
			withSeq(1, newOutput(beginning(), []byte("\x1b[1mbold\x1b[0m <ok>\r\n"))),
			"build:output", `{"seq":1,"offset":0,"line":1,"text":"\u001b[1mbold\u001b[0m <ok>\r\n"}`,
		},
		{withSeq(2, newOutput(place{20, 2}, []byte("a\xff"))), "build:output", `{"seq":2,"offset":20,"line":2,"base64":"Yf8="}`},
		{Output{Seq: 3, Offset: 22, Line: 2, Lost: 4096}, "build:output", `{"seq":3,"offset":22,"line":2,"lost":4096}`},
		{
			Finished{ExitCode: &zero, Time: 2, Seq: 3, Bytes: 4118, Lines: 9, Lost: 4096},
			"build:finished", `{"exit_code":0,"time":2,"seq":3,"bytes":4118,"lines":9,"lost":4096}`,
		},
		{Finished{Signal: "SIGTERM", Time: 2}, "build:finished", `{"exit_code":null,"signal":"SIGTERM","time":2,"seq":0,"bytes":0,"lines":0,"lost":0}`},
	} {
		data, err := encode(tt.record)
		if err != nil {
			t.Fatal(err)
		}
		if tt.record.Event() != tt.event || data != tt.data {
			t.Errorf("got %s %s\nwant %s %s", tt.record.Event(), data, tt.event, tt.data)
		}
	}
}

func TestALongCommandIsShortenedToFit(t *testing.T) {
	s := Started{Command: []string{"sh", "-c", strings.Repeat("x", 300), strings.Repeat("y", 300)}}.fit(512)
	if got, want := strings.Join(s.Command, " "), "sh -c "+strings.Repeat("x", 300)+" …"; got != want {
		t.Errorf("got %s", got)
	}
	if got := (Started{Command: []string{strings.Repeat("x", 600)}}).fit(512); len(got.Command) != 1 || got.Command[0] != "…" {
		t.Errorf("got %v", got.Command)
	}
}

func withSeq(seq int64, o Output) Output {
	o.Seq = seq
	return o
}
