package api

import (
	"strings"
	"testing"
)

func TestTheTextOfAnEvent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		event, data, text string
		lost              int64
	}{
		{"build:output", `{"seq":1,"offset":0,"text":"a\r\n\u001b[1m\u0000é"}`, "a\r\n\x1b[1m\x00é", 0},
		{"build:output", `{"text":""}`, "", 0},
		{"build:output", `{"base64":"/wAK"}`, "\xff\x00\n", 0},
		{"build:output", `{"text":"a","base64":"/wAK","lost":5}`, "a", 0},
		{"build:output", `{"text":7,"base64":"/wAK"}`, "\xff\x00\n", 0},
		{"build:output", `{"base64":"no base64!"}`, "", 0},
		{"build:output", `{"seq":2,"offset":5,"lost":7}`, "", 7},
		{"build:output", `{"lost":0}`, "", 0},
		{"build:output", `{"lost":-1}`, "", 0},
		{"build:output", `{"lost":"7"}`, "", 0},
		{"build:output", `{"Text":"members are case-sensitive"}`, "", 0},
		{"build:output", `{}`, "", 0},
		{"build:started", `{"text":"a"}`, "", 0},
		{"build:finished", `{"lost":7}`, "", 0},
		{"log", `{"text":"a"}`, "a", 0},
		{"log", `plain`, "plain\n", 0},
		{"log", ``, "\n", 0},
		{"log", `"a"`, "\"a\"\n", 0},
		{"log", `null`, "null\n", 0},
		{"log", `[{"text":"a"}]`, "[{\"text\":\"a\"}]\n", 0},
		{"log", `{"text":"a"} `, "a", 0},
		{"log", `{"text":"a"`, "{\"text\":\"a\"\n", 0},
	}
	for _, c := range cases {
		if text, lost := TextOf(c.event, c.data); string(text) != c.text || lost != c.lost {
			t.Errorf("%s %s: got %q and %d lost, want %q and %d", c.event, c.data, text, lost, c.text, c.lost)
		}
	}
}

func TestFileNamesAreSafe(t *testing.T) {
	t.Parallel()
	for channel, want := range map[string]string{
		"private-build-7":        "log-private-build-7.txt",
		"a=b@c,d;e":              "log-a_b_c_d_e.txt",
		"#server-to-user-1":      "log-_server-to-user-1.txt",
		"..":                     "log-.txt",
		".-x.-":                  "log-x.txt",
		strings.Repeat("x", 164): "log-" + strings.Repeat("x", 164) + ".txt",
	} {
		if got := fileName(channel); got != want {
			t.Errorf("%s: %s, want %s", channel, got, want)
		}
	}
}
