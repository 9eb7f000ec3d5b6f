package pipe

import "testing"

func TestPlainIsTextAlone(t *testing.T) {
	for in, want := range map[string]string{
		"plain <b>text</b>":                     "plain <b>text</b>",
		"\x1b[1;31mred\x1b[0m é€":               "red é€",
		"\x1b]8;;http://a\x1b\\link\x1b]8;;\a!": "link!",
		"tab\tbell\a back\b\r\n":                "tab bell back",
		"bad \xff end":                          "bad \ufffd end",
		"right-to-left \u202e override":         "right-to-left  override",
		"unfinished \x1b[3":                     "unfinished [3",
		"":                                      "",
	} {
		if got := Plain([]byte(in)); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
}
