package audit_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"buildrelay/relay/audit"
)

const keyText = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func parseKey(t testing.TB, text string) audit.Key {
	t.Helper()
	key, err := audit.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAKeyComesBackFromItsText(t *testing.T) {
	t.Parallel()
	key, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := audit.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	again := parseKey(t, key.Text())
	if len(key.Text()) != 64 || again.Text() != key.Text() || again.ID() != key.ID() || len(key.ID()) != 8 {
		t.Errorf("%d digits, ids %q and %q", len(key.Text()), key.ID(), again.ID())
	}
	if other.Text() == key.Text() || other.ID() == key.ID() {
		t.Error("two new keys are the same")
	}
	head := key.Sign(audit.Link{Chain: "a", Seq: 1, MAC: []byte{1}}, noon)
	if err := again.CheckHead(head); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoKeyIsRefusedUnseen(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", keyText[1:], keyText + "00", "0x" + keyText[2:], keyText + "\n", "g" + keyText[1:]} {
		_, err := audit.ParseKey(text)
		if err == nil || strings.Contains(err.Error(), keyText[4:20]) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAKeyShowsItselfNowhere(t *testing.T) {
	t.Parallel()
	key := parseKey(t, keyText)
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+"\n", key)
		fmt.Fprintf(&out, verb+"\n", &key)
		fmt.Fprintf(&out, verb+"\n", struct{ Key audit.Key }{key})
	}
	fmt.Fprintln(&out, key.String(), fmt.Errorf("oops: %v", key))
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", key, "inside", struct{ K audit.Key }{key})
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", key, "inside", struct{ K audit.Key }{key})
	secret, _ := hex.DecodeString(keyText)
	for _, shown := range []string{keyText[4:16], strings.ToUpper(keyText[20:32]), string(secret[2:8]), "2 3 4 5 6"} {
		if strings.Contains(out.String(), shown) {
			t.Errorf("%q is in\n%s", shown, out.String())
		}
	}
	if n := strings.Count(out.String(), key.ID()); n < 24 {
		t.Errorf("only %d outputs say which key it is:\n%s", n, out.String())
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(keyText)
	f.Add(strings.ToUpper(keyText))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := audit.ParseKey(text)
		if err != nil {
			return
		}
		if key.Text() != strings.ToLower(text) || len(text) != 64 {
			t.Errorf("%q has the text %q", text, key.Text())
		}
	})
}
