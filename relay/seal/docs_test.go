package seal_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"buildrelay/relay/seal"
)

// envelope is the section of docs/PROTOCOL.md.
func envelope(t *testing.T) string {
	t.Helper()
	_, text, found := strings.Cut(string(must(os.ReadFile("../../docs/PROTOCOL.md"))), "\n### The envelope\n")
	if !found {
		t.Fatal("there is no such section")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// example is what the table of the example says.
func example(t *testing.T) func(name string) []string {
	t.Helper()
	text := envelope(t)
	return func(name string) []string {
		row := regexp.MustCompile(`(?m)^\| ` + name + ` \| (.*) \|$`).FindStringSubmatch(text)
		if row == nil {
			t.Fatalf("there is no %s", name)
		}
		return strings.Split(strings.Trim(row[1], "`"), "`, `")
	}
}

// keysFile is a key set of the example's key, as Tink writes one.
func keysFile(t *testing.T, key []byte, id uint32) string {
	t.Helper()
	value := base64.StdEncoding.EncodeToString(append([]byte{0x1a, 32}, key...))
	return fmt.Sprintf(`{"primaryKeyId":%d,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",`+
		`"value":%q,"keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":%d,"outputPrefixType":"TINK"}]}`, id, value, id)
}

// The example of the docs is opened, and it is what the words beside it say, computed by
// nothing but the standard library.
func TestTheEnvelopeIsAsTheDocsSay(t *testing.T) {
	t.Parallel()
	of := example(t)
	key, nonce := must(hex.DecodeString(of("key")[0])), must(hex.DecodeString(of("nonce")[0]))
	id := must(seal.ParseKeyID(of("key id")[0]))
	place, name, data, sealed := of("app, channel"), of("event, event id"), of("data")[0], of("sealed")[0]

	gcm := must(cipher.NewGCM(must(aes.NewCipher(key))))
	with := strings.Join([]string{"buildrelay log 1", place[0], place[1], name[0], name[1]}, "\x00")
	text := append([]byte{1}, must(hex.DecodeString(id.String()))...)
	text = gcm.Seal(append(text, nonce...), nonce, []byte(data), []byte(with))
	encode := base64.RawURLEncoding.EncodeToString
	if want := "relay-sealed:1:" + encode([]byte(name[1])) + ":" + encode(text); want != sealed {
		t.Errorf("the docs have\n%s, want\n%s", sealed, want)
	}
	keys := seal.NewKeys(parse(t, keysFile(t, key, uint32(id))))
	if got, err := keys.OpenEntry(place[0], place[1], name[0], sealed); err != nil || got != data {
		t.Errorf("opened as %q, %v", got, err)
	}
}

func TestTheSnippetOfTheDocsSeals(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	_, snippet, _ := strings.Cut(envelope(t), "\n```js\n")
	snippet, _, _ = strings.Cut(snippet, "\n```\n")
	folder := t.TempDir()
	script, file := filepath.Join(folder, "seal.mjs"), filepath.Join(folder, "keys.json")
	must(0, os.WriteFile(script, []byte(snippet), 0o600))
	set := must(must(must(seal.New()).Rotate()).Add()) // the key that seals is neither first nor last
	must(0, seal.CreateFile(t.Context(), file, nil, set))
	cmd := exec.CommandContext(t.Context(), node, script)
	cmd.Env = append(os.Environ(), "RELAY_KEYS_FILE="+file)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := seal.NewKeys(set).OpenEntry("builds", "private-build-7", "build:output", strings.TrimSpace(string(out)))
	if err != nil || got != `{"seq":1,"offset":0,"text":"hello\n"}` {
		t.Errorf("%s is opened as %q, %v", out, got, err)
	}
}
