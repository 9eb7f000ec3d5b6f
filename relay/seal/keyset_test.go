package seal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"buildrelay/relay/seal"
)

func textOf(set *seal.Keyset) string { return string(must(set.Text(context.Background(), nil))) }

func parse(t testing.TB, text string) *seal.Keyset {
	return must(seal.Parse(t.Context(), []byte(text), nil))
}

func TestASetIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	set := must(must(must(must(seal.New()).Add()).Rotate()).Add())
	read := parse(t, textOf(set))
	if diff := cmp.Diff(set.IDs(), read.IDs()); diff != "" || read.Seals() != set.Seals() || len(read.IDs()) != 3 || read.Seals() != read.IDs()[1] {
		t.Errorf("read as %v, %v seals, want %v, %v", read.IDs(), read.Seals(), set.IDs(), set.Seals())
	}
	if got, err := seal.NewKeys(read).OpenEntry(app, channel, event, sealEntry(seal.NewKeys(set))); err != nil || got != data {
		t.Errorf("opened as %q, %v", got, err)
	}
}

func TestIDsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, id := range []seal.KeyID{0, 1, 0xabcdef, 0xffffffff} {
		if got, err := seal.ParseKeyID(id.String()); err != nil || got != id || len(id.String()) != 8 {
			t.Errorf("%v is read as %v, %v", id, got, err)
		}
	}
	for _, text := range []string{"", "1", "0000000g", "ABCDEF00", "000000001", "+0000001", "0x000001", " 0000001"} {
		if id, err := seal.ParseKeyID(text); err == nil {
			t.Errorf("%q is read as %v", text, id)
		}
	}
}

// A key is added, spread, made the one that seals, and retired: at each step what was sealed
// before can be opened, until its key is gone.
func TestKeysChangeWhileOldTextsStayReadable(t *testing.T) {
	t.Parallel()
	set := must(seal.New())
	keys := seal.NewKeys(set)
	first := set.Seals()
	old := sealEntry(keys)
	opens := func(text string) error { _, err := keys.OpenEntry(app, channel, event, text); return err }

	keys.Replace(must(keys.Current().Add()))
	if keys.Current().Seals() != first || len(keys.Current().IDs()) != 2 {
		t.Errorf("an added key seals: %v of %v", keys.Current().Seals(), keys.Current().IDs())
	}
	added := keys.Current().IDs()[1]
	keys.Replace(must(keys.Current().Rotate()))
	if keys.Current().Seals() != added || len(keys.Current().IDs()) != 2 {
		t.Errorf("%v of %v seals, want %v", keys.Current().Seals(), keys.Current().IDs(), added)
	}
	renewed := sealEntry(keys)
	if id, _ := seal.EntryKey(renewed); id != added || opens(old) != nil || opens(renewed) != nil {
		t.Errorf("sealed with %v; %v, %v", id, opens(old), opens(renewed))
	}
	keys.Replace(must(keys.Current().Rotate())) // there is none newer, so there is a third
	if got := keys.Current().IDs(); len(got) != 3 || keys.Current().Seals() != got[2] {
		t.Errorf("%v of %v seals", keys.Current().Seals(), got)
	}
	if _, err := keys.Current().Retire(keys.Current().Seals()); err == nil || !strings.Contains(err.Error(), "rotate first") {
		t.Errorf("the key that seals is retired: %v", err)
	}
	if _, err := keys.Current().Retire(first ^ 1); err == nil {
		t.Error("a key that is not there is retired")
	}
	keys.Replace(must(keys.Current().Retire(first)))
	if err := opens(old); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), first.String()) {
		t.Errorf("without its key: %v", err)
	}
	if err := opens(renewed); err != nil {
		t.Errorf("another key was retired: %v", err)
	}
}

func TestKeysAreReplacedUnderReaders(t *testing.T) {
	t.Parallel()
	keys := newKeys()
	text := sealEntry(keys)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 300 {
				if _, err := keys.OpenEntry(app, channel, event, text); err != nil {
					t.Error(err)
					return
				}
				sealEntry(keys)
			}
		})
	}
	for range 20 {
		keys.Replace(must(keys.Current().Rotate()))
	}
	readers.Wait()
}

func TestASetHasSoManyKeys(t *testing.T) {
	t.Parallel()
	set := must(seal.New())
	var err error
	for err == nil && len(set.IDs()) < 200 {
		var next *seal.Keyset
		if next, err = set.Add(); err == nil {
			set = next
		}
	}
	if len(set.IDs()) != 100 || err == nil || !strings.Contains(err.Error(), "retire some") {
		t.Errorf("%d keys, %v", len(set.IDs()), err)
	}
}

// written is what Tink itself writes of a set of keys of these kinds, the last of which seals.
func written(change func(m *keyset.Manager, ids []uint32), kinds ...*tinkpb.KeyTemplate) string {
	m := keyset.NewManager()
	var ids []uint32
	for _, kind := range kinds {
		ids = append(ids, must(m.Add(kind)))
		must(0, m.SetPrimary(ids[len(ids)-1]))
	}
	if change != nil {
		change(m, ids)
	}
	var text bytes.Buffer
	must(0, insecurecleartextkeyset.Write(must(m.Handle()), keyset.NewJSONWriter(&text)))
	return text.String()
}

func TestWhatTinksToolsWriteIsRead(t *testing.T) {
	t.Parallel()
	text := written(func(m *keyset.Manager, ids []uint32) { _ = m.Disable(ids[0]) }, aead.AES256GCMKeyTemplate(), aead.AES256GCMKeyTemplate(), aead.AES256GCMKeyTemplate())
	set := parse(t, text)
	if len(set.IDs()) != 2 || set.Seals() != set.IDs()[1] {
		t.Errorf("%v seals of %v", set.Seals(), set.IDs())
	}
	next := must(set.Rotate()) // the disabled one stays, and is no key
	if len(next.IDs()) != 3 || !strings.Contains(textOf(next), "DISABLED") {
		t.Errorf("after a rotation there are %v", next.IDs())
	}
}

func TestWhatIsNoSetOfOurKeysIsRefused(t *testing.T) {
	t.Parallel()
	ours := aead.AES256GCMKeyTemplate()
	good := written(nil, ours)
	twice := func(text string) string {
		var set map[string]any
		_ = json.Unmarshal([]byte(text), &set)
		set["key"] = append(set["key"].([]any), set["key"].([]any)[0])
		doubled, _ := json.Marshal(set)
		return string(doubled)
	}
	for name, c := range map[string]struct{ text, says string }{
		"nothing":         {"", "no key set of Tink"},
		"no JSON":         {"hunter2", "no key set of Tink"},
		"half":            {good[:len(good)/2], "no key set of Tink"},
		"two":             {good + good, "no key set of Tink"},
		"no keys":         {`{"primaryKeyId":1,"key":[]}`, "no key set of Tink"},
		"unknown member":  {strings.Replace(good, `{`, `{"hunter2":1,`, 1), "no key set of Tink"},
		"no primary":      {strings.Replace(good, `"primaryKeyId":`, `"primaryKeyId":1`, 1), ""},
		"another cipher":  {written(nil, aead.ChaCha20Poly1305KeyTemplate(), ours), "of another kind than AES256_GCM"},
		"a shorter key":   {written(nil, aead.AES128GCMKeyTemplate()), "of another kind"},
		"no prefix":       {written(nil, aead.AES256GCMNoPrefixKeyTemplate()), "of another kind"},
		"a MAC":           {written(nil, mac.HMACSHA256Tag128KeyTemplate(), ours), "of another kind"},
		"a key twice":     {twice(good), "no key set of Tink"},
		"sealed itself":   {`{"encryptedKeyset":"aHVudGVyMg==","keysetInfo":{"primaryKeyId":1,"keyInfo":[]}}`, "RELAY_KEYS_VAULT must name"},
		"too large":       {strings.Repeat(" ", 300<<10) + good, "larger than 256 KiB"},
		"a private key":   {"-----BEGIN PRIVATE KEY-----\nhunter2\n", "no key set of Tink"},
		"another keyType": {strings.Replace(good, "AesGcmKey", "Hunter2", 1), ""},
	} {
		set, err := seal.Parse(t.Context(), []byte(c.text), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, %v, want %q", name, set, err, c.says)
		}
	}
}

func TestAKeySetDoesNotShowItself(t *testing.T) {
	t.Parallel()
	set := must(seal.New())
	var kept struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	if err := json.Unmarshal([]byte(textOf(set)), &kept); err != nil || len(kept.Key) != 1 || len(kept.Key[0].KeyData.Value) < 40 {
		t.Fatalf("%v, %d keys", err, len(kept.Key))
	}
	keys := seal.NewKeys(set)
	for _, shown := range []string{fmt.Sprintf("%v", set), fmt.Sprintf("%+v", *set), fmt.Sprintf("%#v", set), fmt.Sprintf("%+v", keys)} {
		if strings.Contains(shown, kept.Key[0].KeyData.Value) {
			t.Errorf("the key shows: %s", shown)
		}
	}
}
