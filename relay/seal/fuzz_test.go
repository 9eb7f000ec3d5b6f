package seal_test

import (
	"strings"
	"testing"

	"buildrelay/relay/seal"
)

// fixedKeys is a key set of one key, which nothing but a test may use.
const fixedKeys = `{"primaryKeyId":168496141,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",` +
	`"value":"GiBra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw==","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":168496141,"outputPrefixType":"TINK"}]}`

// What did not come from SealEntry, to the last character, is not opened.
//
// The key, and what is sealed with it, are the same each time: so what fuzzing finds, and keeps,
// is of the key also when it is tried again.
func FuzzOpenEntry(f *testing.F) {
	keys := seal.NewKeys(parse(f, fixedKeys))
	const text = "relay-sealed:1:YTE:AQoLDA1m03fbc2PyjsUq7LnmKJ8kR7vQUDK5ptWT4Vt36UNTpY1Ij1cs_neY6gIKn3NsZqseXtORC0c9STZm_AJLdKAYNQ"
	if got, err := keys.OpenEntry(app, channel, event, text); err != nil || got != data {
		f.Fatalf("the seed is opened as %q, %v", got, err)
	}
	for _, seed := range []string{
		text, strings.ToUpper(text), text[:40], text + "=", strings.Replace(text, ":1:", ":2:", 1), strings.Replace(text, ":", "::", 1),
		"relay-sealed:", "relay-sealed:1:", "relay-sealed:1::", "relay-sealed:1:YQ:AQ", "relay-sealed:1:AA:" + strings.Repeat("A", 100), "",
		sealEntry(newKeys()), "sealed:AQoLDA3BifhM3XWQYqLj9HxMJ-p2GX2kglrOvo1yCAFwXw",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, got string) {
		opened, err := keys.OpenEntry(app, channel, event, got)
		if (err == nil) != (got == text) || err != nil && opened != "" {
			t.Errorf("%q is opened as %q, %v", got, opened, err)
		}
		if id, ok := seal.EntryKey(got); ok && !seal.IsSealed(got) {
			t.Errorf("%q has key %v, and is not sealed", got, id)
		}
		if secret, err := keys.OpenSecret(got); err == nil && string(secret) != "x" {
			t.Errorf("%q is opened as a secret", got)
		}
	})
}

// A key file of whatever kind is refused, or is a set that seals and opens, and is written as
// one that is read again.
func FuzzParse(f *testing.F) {
	good := textOf(must(must(seal.New()).Add()))
	for _, seed := range []string{
		good, good[:len(good)/2], "{}", "[]", "null", `{"encryptedKeyset":""}`, `{"key":[{}]}`, `{"primaryKeyId":1,"key":[{"keyId":1}]}`,
		strings.Replace(good, "ENABLED", "DESTROYED", 1), strings.Replace(good, "ENABLED", "DISABLED", 2), strings.Replace(good, "TINK", "RAW", 1),
		strings.Replace(good, "AesGcmKey", "AesSivKey", 1), strings.Replace(good, "SYMMETRIC", "REMOTE", 1), strings.Replace(good, `"value":"`, `"value":"AAAA`, 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := seal.Parse(t.Context(), text, nil)
		if err != nil {
			if set != nil {
				t.Error("a set beside an error")
			}
			return
		}
		keys := seal.NewKeys(set)
		if got, err := keys.OpenEntry(app, channel, event, sealEntry(keys)); err != nil || got != data {
			t.Errorf("opened as %q, %v", got, err)
		}
		if again := parse(t, textOf(set)); again.Seals() != set.Seals() || len(again.IDs()) != len(set.IDs()) {
			t.Errorf("%v is read again as %v", set.IDs(), again.IDs())
		}
		if next, err := set.Rotate(); err == nil && next.Seals() == set.Seals() {
			t.Error("after a rotation the same key seals")
		}
	})
}
