package audit_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/relay/audit"
)

// Records that are kept must verify for years, by whatever version.
func TestTheMACOfALinkStaysTheSame(t *testing.T) {
	t.Parallel()
	key := parseKey(t, keyText)
	first := key.Next(audit.Link{Chain: "node-1"}, []byte(`{"a":1}`))
	second := key.Next(first, []byte(`{"a":2}`))
	got := []string{key.ID(), hex.EncodeToString(first.MAC), hex.EncodeToString(second.MAC)}
	want := []string{
		"0394bcf9",
		"6b60c671ae9db132e24ddf73da436b82beca2f23179c3a86459183a6ff1ee9df",
		"e6e2715e0f9f86e6948b730a9197293bcdac4141518ca693d69defcbcee90dbc",
	}
	if diff := cmp.Diff(want, got); diff != "" || first.Seq != 1 || second.Seq != 2 || second.Chain != "node-1" {
		t.Errorf("%+v (-want +got):\n%s", second, diff)
	}
}

func TestNoTwoPlacesOrRecordsHaveOneMAC(t *testing.T) {
	t.Parallel()
	key, other := parseKey(t, keyText), parseKey(t, strings.Replace(keyText, "00", "01", 1))
	seen := make(map[string]string)
	see := func(name string, l audit.Link) {
		t.Helper()
		if before, ok := seen[string(l.MAC)]; ok {
			t.Errorf("%s has the MAC of %s", name, before)
		}
		seen[string(l.MAC)] = name
	}
	// The same bytes, cut at other places.
	see("ab|c", key.Next(audit.Link{Chain: "ab"}, []byte("c")))
	see("a|bc", key.Next(audit.Link{Chain: "a"}, []byte("bc")))
	see("|abc", key.Next(audit.Link{}, []byte("abc")))
	see("abc|", key.Next(audit.Link{Chain: "abc"}, nil))
	see("x|MAC yz|", key.Next(audit.Link{Chain: "x", MAC: []byte("yz")}, nil))
	see("x|MAC y|z", key.Next(audit.Link{Chain: "x", MAC: []byte("y")}, []byte("z")))
	see("x||yz", key.Next(audit.Link{Chain: "x"}, []byte("yz")))
	see("xy|MAC z|", key.Next(audit.Link{Chain: "xy", MAC: []byte("z")}, nil))
	see("x, 2|MAC z|", key.Next(audit.Link{Chain: "x", Seq: 1, MAC: []byte("z")}, nil))
	see("number in the MAC", key.Next(audit.Link{Chain: "x", MAC: []byte("\x00\x00\x00\x00\x00\x00\x00\x01z")}, nil))
	see("another key", other.Next(audit.Link{Chain: "ab"}, []byte("c")))
}

func head(t testing.TB, key audit.Key) audit.Head {
	t.Helper()
	link := key.Next(audit.Link{Chain: "node-1"}, []byte(`{"a":1}`))
	return key.Sign(link, noon.Add(time.Hour+123456789*time.Nanosecond))
}

func TestAHeadComesBackFromJSON(t *testing.T) {
	t.Parallel()
	key := parseKey(t, keyText)
	want := head(t, key)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if names := memberNames(t, string(text)); !cmp.Equal(names, []string{"chain", "seq", "mac", "at", "key", "signature"}) {
		t.Errorf("it has %q", names)
	}
	var got audit.Head
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := key.CheckHead(got); err != nil {
		t.Error(err)
	}
	for _, text := range []string{`1`, `{"seq":"1"}`, `{"mac":"xy"}`, `{"signature":"xy"}`} {
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}

func TestAHeadThatWasChangedDoesNotFit(t *testing.T) {
	t.Parallel()
	key, other := parseKey(t, keyText), parseKey(t, strings.Replace(keyText, "00", "01", 1))
	whole := head(t, key)
	for name, spoil := range map[string]func(*audit.Head){
		"chain":     func(h *audit.Head) { h.Chain = "node-2" },
		"seq":       func(h *audit.Head) { h.Seq++ },
		"mac":       func(h *audit.Head) { h.MAC = append([]byte{h.MAC[0] ^ 1}, h.MAC[1:]...) },
		"no mac":    func(h *audit.Head) { h.MAC = nil },
		"at":        func(h *audit.Head) { h.At = h.At.Add(time.Microsecond) },
		"key":       func(h *audit.Head) { h.Key = other.ID() },
		"signature": func(h *audit.Head) { h.Signature = append([]byte{h.Signature[0] ^ 1}, h.Signature[1:]...) },
		"none":      func(h *audit.Head) { h.Signature = nil },
		"signed by another key": func(h *audit.Head) {
			*h = other.Sign(h.Link, h.At)
		},
		"signed by another key, with this one's name": func(h *audit.Head) {
			*h = other.Sign(h.Link, h.At)
			h.Key = key.ID()
		},
		"a base": func(h *audit.Head) { *h = key.SignBase(h.Link, h.At) },
	} {
		h := whole
		spoil(&h)
		if err := key.CheckHead(h); err == nil {
			t.Errorf("%s: it fits", name)
		}
	}
	if err := key.CheckHead(whole); err != nil {
		t.Error(err)
	}
	if err := key.CheckBase(whole); err == nil {
		t.Error("a head is taken for a base: who can write to the database could purge with it")
	}
	if err := key.CheckBase(key.SignBase(whole.Link, whole.At)); err != nil {
		t.Error(err)
	}
	local := whole
	local.At = whole.At.In(time.FixedZone("", 3600))
	if err := key.CheckHead(local); err != nil {
		t.Errorf("in another zone: %v", err)
	}
}

func FuzzHead(f *testing.F) {
	text, err := json.Marshal(head(f, parseKey(f, keyText)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var h audit.Head
		if json.Unmarshal(text, &h) != nil {
			return
		}
		_ = parseKey(t, keyText).CheckHead(h) // whatever it is, it can be checked
	})
}
