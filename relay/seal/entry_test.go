package seal_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"buildrelay/relay/seal"
)

const (
	app     = "builds"
	channel = "private-build-7"
	event   = "build:output"
	id      = "a1"
	data    = `{"seq":1,"offset":0,"text":"hello\n"}`
)

func newKeys() *seal.Keys { return seal.NewKeys(must(seal.New())) }

// must is for what fails only in a test that is wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func sealEntry(k *seal.Keys) string { return must(k.SealEntry(app, channel, event, id, data)) }

func TestWhatIsSealedCanBeOpened(t *testing.T) {
	t.Parallel()
	k := newKeys()
	for name, data := range map[string]string{
		"nothing": "", "text": data, "bytes": "\x00\xff\n", "much": strings.Repeat("x", 128<<10), "what looks sealed": "relay-sealed:1:a:b",
	} {
		text, err := k.SealEntry(app, channel, event, id, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !seal.IsSealed(text) || len(text) != seal.SealedSize(len(id), len(data)) {
			t.Errorf("%s: it is sealed as %.100q of %d bytes", name, text, len(text))
		}
		if len(data) > 10 && strings.Contains(text[len("relay-sealed:1:"):], data[:10]) {
			t.Errorf("%s: it shows", name)
		}
		if got, err := k.OpenEntry(app, channel, event, text); err != nil || got != data {
			t.Errorf("%s: opened as %.100q, %v", name, got, err)
		}
		if key, ok := seal.EntryKey(text); !ok || key != k.Current().Seals() {
			t.Errorf("%s: its key is %v, %v", name, key, ok)
		}
	}
}

func TestNoTwoTextsAreTheSame(t *testing.T) {
	t.Parallel()
	k := newKeys()
	first, second := sealEntry(k), sealEntry(k)
	if first == second {
		t.Error("the same data has the same text")
	}
	anonymous := must(k.SealEntry(app, channel, event, "", data))
	other := must(k.SealEntry(app, channel, event, "", data))
	if idOf(anonymous) == "" || idOf(anonymous) == idOf(other) {
		t.Errorf("events without ids have %q and %q", idOf(anonymous), idOf(other))
	}
}

func idOf(text string) string { return strings.Split(text, ":")[2] }

// An entry that somebody moves, or gives another name, is none.
func TestAnEntryOpensOnlyWhereItWasSealedFor(t *testing.T) {
	t.Parallel()
	k := newKeys()
	text := sealEntry(k)
	other := strings.Replace(text, idOf(text), base64.RawURLEncoding.EncodeToString([]byte("a2")), 1)
	for name, open := range map[string]func() (string, error){
		"another app":      func() (string, error) { return k.OpenEntry("build", channel, event, text) },
		"another channel":  func() (string, error) { return k.OpenEntry(app, "private-build-8", event, text) },
		"another event":    func() (string, error) { return k.OpenEntry(app, channel, "build:finished", text) },
		"another event id": func() (string, error) { return k.OpenEntry(app, channel, event, other) },
		"moved words":      func() (string, error) { return k.OpenEntry(app+"\x00"+channel, event, "", text) },
		"as a secret": func() (string, error) {
			s, err := k.OpenSecret("sealed:" + strings.Split(text, ":")[3])
			return string(s), err
		},
	} {
		if got, err := open(); !errors.Is(err, seal.ErrForged) || got != "" {
			t.Errorf("%s: opened as %q, %v", name, got, err)
		}
	}
}

// The byte that is between the words of the place may be in an event's name; it makes no two
// places the same.
func TestNoTwoPlacesAreTheSame(t *testing.T) {
	t.Parallel()
	k := newKeys()
	text := must(k.SealEntry(app, channel, "a\x00b", "c", data))
	moved := strings.Replace(text, ":"+idOf(text)+":", ":"+base64.RawURLEncoding.EncodeToString([]byte("b\x00c"))+":", 1)
	if got, err := k.OpenEntry(app, channel, "a", moved); !errors.Is(err, seal.ErrForged) {
		t.Errorf("opened as %q, %v", got, err)
	}
	if got, err := k.OpenEntry(app, channel, "a\x00b", text); err != nil || got != data {
		t.Errorf("opened as %q, %v", got, err)
	}
	for _, place := range [][4]string{{"a\x00", channel, event, id}, {app, "a\x00", event, id}, {app, channel, event, "a\x00"}, {app, channel, event, strings.Repeat("x", 201)}} {
		if text, err := k.SealEntry(place[0], place[1], place[2], place[3], data); err == nil {
			t.Errorf("%q is sealed as %q", place, text)
		}
	}
}

func TestEveryChangeOfATextIsFound(t *testing.T) {
	t.Parallel()
	k := newKeys()
	text := sealEntry(k)
	for at := range text {
		for _, c := range []byte{'A', 'b', '-', ':', '\n', '=', 0, text[at] ^ 1} {
			changed := text[:at] + string(rune(c)) + text[at+1:]
			if changed == text {
				continue
			}
			got, err := k.OpenEntry(app, channel, event, changed)
			if err == nil || got != "" || !errors.Is(err, seal.ErrForged) && !errors.Is(err, seal.ErrUnknownKey) && !errors.Is(err, seal.ErrNotSealed) {
				t.Fatalf("%q is opened as %q, %v", changed, got, err)
			}
		}
		if got, err := k.OpenEntry(app, channel, event, text[:at]); err == nil {
			t.Fatalf("%q is opened as %q", text[:at], got)
		}
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" { // the last has bits that mean nothing
		if last := text[:len(text)-1] + string(c); last != text {
			if got, err := k.OpenEntry(app, channel, event, last); err == nil {
				t.Errorf("%q is opened as %q", last, got)
			}
		}
	}
	for _, longer := range []string{text + "A", text + "AA", text + "AAAA", text + "\n", text + "=", text + ":", " " + text, text + text} {
		if got, err := k.OpenEntry(app, channel, event, longer); err == nil {
			t.Errorf("%q is opened as %q", longer, got)
		}
	}
}

func TestErrorsTellWhatIsWrongAndNotWhatIsSealed(t *testing.T) {
	t.Parallel()
	k := newKeys()
	text := sealEntry(k)
	for _, c := range []struct {
		text string
		is   error
		says string
	}{
		{data, seal.ErrNotSealed, "opening an entry: it is not sealed"},
		{"", seal.ErrNotSealed, ""},
		{strings.Replace(text, ":1:", ":2:", 1), seal.ErrForged, "another version than 1"},
		{"relay-sealed:", seal.ErrForged, "another version than 1"},
		{"relay-sealed:1:", seal.ErrForged, "no event id"},
		{"relay-sealed:1::AAAA", seal.ErrForged, "no event id"},
		{"relay-sealed:1:YQ:", seal.ErrForged, "no text of Tink's"},
		{"relay-sealed:1:YQ:AQAAAAAA", seal.ErrForged, "no text of Tink's"},
		{"relay-sealed:1:YQ:" + strings.Repeat("A", 80), seal.ErrForged, "no text of Tink's"},
		{"relay-sealed:1:YQ:hunter2!", seal.ErrForged, "no base64url"},
		{must(newKeys().SealEntry(app, channel, event, id, data)), seal.ErrUnknownKey, "unknown key: "},
	} {
		_, err := k.OpenEntry(app, channel, event, c.text)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: %v, want %v, %s", c.text, err, c.is, c.says)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "hello")) {
			t.Errorf("%.40q: the text shows in %v", c.text, err)
		}
	}
}

func TestWithoutKeysNothingIsSealedOrOpened(t *testing.T) {
	t.Parallel()
	text := sealEntry(newKeys())
	var none *seal.Keys
	if text, err := none.SealEntry(app, channel, event, id, data); !errors.Is(err, seal.ErrNoKeys) {
		t.Errorf("sealed as %q, %v", text, err)
	}
	if got, err := none.OpenEntry(app, channel, event, text); !errors.Is(err, seal.ErrUnknownKey) || !errors.Is(err, seal.ErrNoKeys) {
		t.Errorf("opened as %q, %v", got, err)
	}
}
