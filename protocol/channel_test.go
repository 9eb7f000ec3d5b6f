package protocol_test

import (
	"regexp"
	"strings"
	"testing"

	"buildrelay/protocol"
)

func TestCheckChannelTakesTheGrammar(t *testing.T) {
	for _, name := range []string{
		"news", "a", "private-", "presence-foo=@,.;", "private-a@b@1", "-", "A-Z_0.9",
		"#server-to-user-u1", "#server-to-user-a@b.c",
		"#server-to-user-auth0|5f7c é", "#server-to-user-#x", "#server-to-user-" + strings.Repeat("é", protocol.MaxUserID),
		strings.Repeat("x", protocol.MaxChannelName),
	} {
		if err := protocol.CheckChannel(name, protocol.MaxChannelName); err != nil {
			t.Errorf("CheckChannel(%q): %v", name, err)
		}
	}
}

func TestCheckChannelRefusesEverythingElse(t *testing.T) {
	for _, name := range []string{
		"", " ", "bad name", " private-x", "private-x\n", "a\r\nb", "a\x00", "*", "?", "[a-z]", "{tag}",
		"a:b", "a/b", "..\\", "ünder", "\u202eabc", "a\u200bb", "private-x😀", "\xff", "a#b",
		"#", "#x", "#server-to-user", "#server-to-user-", "##server-to-user-x",
		"#server-to-user-a\nb", "#server-to-user-\xff", "#server-to-user-" + strings.Repeat("x", protocol.MaxUserID+1), "private-#server-to-user-x",
		strings.Repeat("x", protocol.MaxChannelName+1),
	} {
		if err := protocol.CheckChannel(name, protocol.MaxChannelName); err == nil {
			t.Errorf("CheckChannel(%q) accepts it", name)
		}
	}
}

func TestCheckChannelQuotesTheName(t *testing.T) {
	err := protocol.CheckChannel("bad name", protocol.MaxChannelName)
	if want := "Invalid channel name 'bad name'"; err == nil || err.Message != want || err.Code != 0 {
		t.Errorf("got %+v, want %q with no code", err, want)
	}
}

func FuzzCheckChannel(f *testing.F) {
	for _, name := range []string{"news", "#server-to-user-u1", "#x", "a b", "a\n", "private-a@b,c;d", ""} {
		f.Add(name, 164)
	}
	grammar := regexp.MustCompile(`\A[-a-zA-Z0-9_=@,.;]+\z`)
	users := regexp.MustCompile(`\A#server-to-user-[^\pC\x{FFFD}]{1,128}\z`)
	f.Fuzz(func(t *testing.T, name string, maxLen int) {
		err := protocol.CheckChannel(name, maxLen)
		if users.MatchString(name) && err != nil {
			t.Errorf("CheckChannel(%q): %v", name, err)
		}
		if strings.HasPrefix(name, protocol.UserPrefix) {
			return
		}
		if want := grammar.MatchString(name) && len(name) <= maxLen; (err == nil) != want {
			t.Errorf("CheckChannel(%q, %d) = %v, want acceptance %v", name, maxLen, err, want)
		}
		if err != nil {
			checkText(t, err.Message)
		}
	})
}
