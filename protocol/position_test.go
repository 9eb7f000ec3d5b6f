package protocol_test

import (
	"strings"
	"testing"

	"buildrelay/protocol"
)

const epoch = "0123456789abcdef"

func TestPositionsAreReadBack(t *testing.T) {
	for _, text := range []string{
		"0:0-0",
		epoch + ":0-0",
		epoch + ":1-0",
		epoch + ":17-4294967295",
		"ffffffffffffffff:999999999999999-1",
	} {
		p, err := protocol.ParsePosition(text)
		if err != nil || p.String() != text {
			t.Errorf("%s is read as %s (%v)", text, p, err)
		}
	}
	if p, _ := protocol.ParsePosition("0:0-0"); p != (protocol.Position{}) {
		t.Errorf("0:0-0 is %+v, want the zero Position", p)
	}
}

func TestWhatIsNoPositionIsRefused(t *testing.T) {
	for _, text := range []string{
		"", ":", "0", "0:", "0:0", "0:-", "1:0-0", "0:1-1", "0:1-0", "0:0-1",
		epoch, epoch + ":", epoch + ":1", epoch + ":1-", epoch + ":-1", epoch + ":1-2-3", epoch + ":1-1:1-1",
		epoch + ":0-1", epoch + ":01-1", epoch + ":1-01", epoch + ":+1-1", epoch + ":1- 1", " " + epoch + ":1-1", epoch + ":1-1\n",
		epoch + ":1000000000000000-1", epoch + ":1-4294967296", epoch + ":1-99999999999", epoch + ":1e3-1", epoch + ":1-0x1",
		"0123456789ABCDEF:1-1", "0123456789abcde:1-1", "0123456789abcdef0:1-1", "0123456789abcdeg:1-1",
		epoch + ":\u0661-1", strings.Repeat("9", 1<<20),
	} {
		p, err := protocol.ParsePosition(text)
		if err == nil {
			t.Errorf("%.50q is read as %s", text, p)
			continue
		}
		if len(err.Error()) > 300 {
			t.Errorf("%.50q: an error of %d bytes", text, len(err.Error()))
		}
		if p != (protocol.Position{}) {
			t.Errorf("%.50q: %s beside an error", text, p)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, text := range []string{"0:0-0", epoch + ":12-34", epoch + ":1-01", ":", epoch + ":0-1", "x:1-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := protocol.ParsePosition(text)
		if err != nil {
			checkText(t, err.Error())
			return
		}
		if p.String() != text {
			t.Errorf("%q is read as %s: one position has two texts", text, p)
		}
	})
}
